"""Mails without the copies that are suppressed."""

from hermodr_ledger.migrations.script import execute_file

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0044_copies_left_out.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0044 cannot be undone")
