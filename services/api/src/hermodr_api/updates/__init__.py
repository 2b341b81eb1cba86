"""What is posted to groups."""
