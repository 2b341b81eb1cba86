"""What tokens of end users are signed with, what they must be, and whose are revoked."""
