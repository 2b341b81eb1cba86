"""What could not be delivered or read."""
