"""PostgreSQL: tables, migrations and all SQL."""
