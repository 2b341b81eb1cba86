"""The commands that act on an installation and return."""
