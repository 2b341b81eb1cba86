"""Whom the mails of a project may be from."""

from hermodr_ledger.migrations.script import execute_file

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0036_senders.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0036 cannot be undone")
