"""Accounts of webhooks whose filter was changed."""

from hermodr_ledger.migrations.script import execute_file

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0047_webhook_accounts.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0047 cannot be undone")
