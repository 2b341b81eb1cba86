"""The caller's own project."""
