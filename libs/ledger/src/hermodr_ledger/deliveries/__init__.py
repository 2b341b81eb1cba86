"""Deliveries: claimed, attempted, recorded; the lanes, pauses and provider limits they run under."""
