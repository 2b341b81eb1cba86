"""Acting on all jobs that match a filter is a row that schedulers work through."""

from hermodr_ledger.migrations.script import execute_file

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0096_bulk_actions.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0096 cannot be undone")
