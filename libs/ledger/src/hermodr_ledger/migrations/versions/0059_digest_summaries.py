"""Summaries of digests."""

from hermodr_ledger.migrations.script import execute_file

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0059_digest_summaries.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0059 cannot be undone")
