"""What a message would look like."""
