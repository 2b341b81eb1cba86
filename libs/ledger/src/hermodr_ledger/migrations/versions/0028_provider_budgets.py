"""What all senders share of a provider."""

from hermodr_ledger.migrations.script import execute_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0028_provider_budgets.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0028 cannot be undone")
