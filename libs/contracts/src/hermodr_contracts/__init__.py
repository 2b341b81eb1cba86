"""Every message and the whole topology, defined once."""
