"""The address book: recipients, groups, members, updates."""
