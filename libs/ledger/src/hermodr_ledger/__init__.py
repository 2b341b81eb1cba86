"""PostgreSQL: tables, migrations, claims; the only place that knows SQL."""
