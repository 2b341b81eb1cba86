"""Windows in which events wait to be sent as one message."""

from hermodr_ledger.migrations.script import execute_file, index_while_in_use

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0054_event_windows.sql", unless="event_windows")
    index_while_in_use("0054_event_windows_indexes.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0054 cannot be undone")
