"""Messages, topology, channels and value rules that all packages share."""
