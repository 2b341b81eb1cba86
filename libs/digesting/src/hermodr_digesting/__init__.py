"""What a digest says, and when. Pure: no clock, no I/O."""
