"""Databases that tasks read."""

from hermodr_ledger.migrations.script import execute_file

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0081_connections.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0081 cannot be undone")
