"""Calls for answers (auto-syncs): their reminders and pause checks are jobs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0056_auto_syncs.sql")
    execute_file("0056_auto_sync_views.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0056 cannot be undone")
