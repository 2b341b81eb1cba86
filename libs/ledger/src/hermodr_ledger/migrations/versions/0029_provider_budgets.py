"""What all senders share of a provider."""

from hermodr_ledger.migrations.script import execute_file

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0029_provider_budgets.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0029 cannot be undone")
