"""The log of state changes, its listeners and its retention."""
