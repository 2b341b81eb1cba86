"""The address book: recipients, groups, members, and what is posted to groups."""
