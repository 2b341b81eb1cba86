"""Dead letters: deliveries and messages that failed for good."""
