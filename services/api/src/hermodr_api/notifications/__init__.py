"""Requesting notifications."""
