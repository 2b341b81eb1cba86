"""The ways out: a folder per kind of provider."""
