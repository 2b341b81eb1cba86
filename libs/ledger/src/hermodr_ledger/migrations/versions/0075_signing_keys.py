"""Keys that tokens of users are signed with, rules for tokens, and whose were revoked."""

from hermodr_ledger.migrations.script import execute_file

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0075_signing_keys.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0075 cannot be undone")
