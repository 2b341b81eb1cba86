"""Files that are given to tasks."""
