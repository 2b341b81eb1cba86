"""Files of mails."""

from hermodr_ledger.migrations.script import execute_file

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0032_attachments.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0032 cannot be undone")
