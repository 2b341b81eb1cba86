"""A recipient's own URL, for the channel webhook."""

from hermodr_ledger.migrations.script import execute_file

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0048_recipients_webhooks.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0048 cannot be undone")
