"""Weeks made and dropped without holding anybody up."""

from hermodr_ledger.migrations.script import execute_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0018_weeks_unnoticed.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0018 cannot be undone")
