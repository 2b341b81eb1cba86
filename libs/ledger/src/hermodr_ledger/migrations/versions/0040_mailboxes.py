"""Who reads a mailbox."""

from hermodr_ledger.migrations.script import execute_file

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0040_mailboxes.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0040 cannot be undone")
