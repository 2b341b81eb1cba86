"""In-app notifications: writing, reading and changing them."""
