"""Files that tasks left behind."""
