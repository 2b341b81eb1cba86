"""Previews of messages."""
