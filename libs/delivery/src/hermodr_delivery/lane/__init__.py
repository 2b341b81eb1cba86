"""One lane of a channel: its queue of ids and its workers."""
