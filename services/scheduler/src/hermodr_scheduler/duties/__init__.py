"""What time does, one duty a file. Any number of schedulers may do each of them at once."""
