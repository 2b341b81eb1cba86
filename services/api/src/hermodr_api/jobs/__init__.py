"""What became of what was requested."""
