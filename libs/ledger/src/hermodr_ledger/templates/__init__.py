"""Template versions, and their texts for senders."""
