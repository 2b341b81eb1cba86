"""What waits, and pausing it."""
