"""What describes the API."""
