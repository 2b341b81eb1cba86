"""The providers, pretended."""
