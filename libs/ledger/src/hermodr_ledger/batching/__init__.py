"""Events that wait in a window and are sent as one message."""
