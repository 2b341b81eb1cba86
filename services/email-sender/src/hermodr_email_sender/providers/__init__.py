"""A folder per kind of provider."""
