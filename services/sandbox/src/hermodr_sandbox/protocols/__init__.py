"""The providers' own interfaces, pretended: a room each."""
