"""API keys may end, and it is known when they were used last."""

from hermodr_ledger.migrations.script import execute_file

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0068_api_key_lives.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0068 cannot be undone")
