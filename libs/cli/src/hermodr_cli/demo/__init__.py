"""`hermodr demo`: a real batch of notifications through every service, with a closing table."""
