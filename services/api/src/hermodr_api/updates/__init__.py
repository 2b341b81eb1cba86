"""Updates posted to groups."""
