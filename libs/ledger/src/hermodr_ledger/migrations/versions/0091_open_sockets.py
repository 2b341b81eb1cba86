"""A project sees how many connections of its users are open."""

from hermodr_ledger.migrations.script import execute_file

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0091_open_sockets.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0091 cannot be undone")
