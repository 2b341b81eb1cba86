"""What all senders share: providers, failure classes, and claiming, sending and recording deliveries."""
