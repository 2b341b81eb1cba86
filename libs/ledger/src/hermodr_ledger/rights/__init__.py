"""What each service may do in the database, as a table; and the roles that have these rights."""
