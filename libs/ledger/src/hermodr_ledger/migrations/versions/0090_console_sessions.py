"""Sessions at the operators' console."""

from hermodr_ledger.migrations.script import execute_file

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0090_console_sessions.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0090 cannot be undone")
