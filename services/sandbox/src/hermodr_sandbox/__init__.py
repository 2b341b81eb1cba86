"""The mail server that delivers nothing, for development and tests."""
