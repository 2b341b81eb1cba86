"""Jobs of auto-syncs have the low lane."""

from hermodr_ledger.migrations.script import execute_file

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0061_auto_sync_lane.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0061 cannot be undone")
