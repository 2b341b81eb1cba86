"""One lane of a channel: its queue of ids, and the workers that send."""
