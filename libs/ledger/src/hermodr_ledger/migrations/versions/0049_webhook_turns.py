"""Whose turn it is of the endpoints of webhooks."""

from hermodr_ledger.migrations.script import execute_file

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0049_webhook_turns.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0049 cannot be undone")
