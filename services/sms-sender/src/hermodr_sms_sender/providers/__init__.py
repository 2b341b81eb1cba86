"""A module per kind of provider."""
