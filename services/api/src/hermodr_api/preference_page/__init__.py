"""What people who got a mail may do without a login."""
