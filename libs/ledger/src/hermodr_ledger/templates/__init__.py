"""Templates: their versions, and their texts for senders."""
