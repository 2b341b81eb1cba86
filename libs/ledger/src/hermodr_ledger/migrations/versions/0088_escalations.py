"""Notifications that go channel by channel until somebody looked."""

from hermodr_ledger.migrations.script import execute_file

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0088_escalations.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0088 cannot be undone")
