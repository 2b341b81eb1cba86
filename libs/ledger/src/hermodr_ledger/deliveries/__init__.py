"""Deliveries: claims, attempts, results, lanes, pauses, provider limits."""
