"""People, groups, updates and inboxes count as stored; and it is known when what waits was counted."""

from hermodr_ledger.migrations.script import execute_file

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0092_measures.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0092 cannot be undone")
