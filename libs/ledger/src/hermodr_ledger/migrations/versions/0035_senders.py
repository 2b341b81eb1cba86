"""Whom the mails of a project may be from."""

from hermodr_ledger.migrations.script import execute_file

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0035_senders.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0035 cannot be undone")
