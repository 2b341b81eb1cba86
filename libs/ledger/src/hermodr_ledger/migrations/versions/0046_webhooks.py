"""Webhooks: endpoints, messages, attempts."""

from hermodr_ledger.migrations.script import execute_file

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0046_webhooks.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0046 cannot be undone")
