"""Pauses, dead letters replayed, the audit log."""

from hermodr_ledger.migrations.script import execute_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0004_operating.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0004 cannot be undone")
