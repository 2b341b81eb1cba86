"""What messages are sent through."""
