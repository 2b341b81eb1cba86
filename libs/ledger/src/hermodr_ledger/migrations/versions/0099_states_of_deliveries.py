"""Jobs are found by the state of a delivery."""

from hermodr_ledger.migrations.script import index_while_in_use

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_while_in_use("0099_states_of_deliveries.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0099 cannot be undone")
