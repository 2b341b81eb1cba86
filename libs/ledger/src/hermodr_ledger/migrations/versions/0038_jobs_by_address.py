"""Jobs are found by address."""

from alembic import op

from hermodr_ledger.migrations.script import index_while_in_use

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_while_in_use("0038_jobs_by_address.sql")
    op.execute(
        "DROP INDEX IF EXISTS hermodr.deliveries_waiting_address"
    )  # `deliveries_waiting_to` serves as well


def downgrade() -> None:
    raise NotImplementedError("revision 0038 cannot be undone")
