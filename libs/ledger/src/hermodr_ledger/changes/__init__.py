"""The log of state changes: who listens, and how it is read and trimmed."""
