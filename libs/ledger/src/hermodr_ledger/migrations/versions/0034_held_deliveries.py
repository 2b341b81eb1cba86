"""What a sender holds of a lane."""

from hermodr_ledger.migrations.script import execute_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0034_held_deliveries.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0034 cannot be undone")
