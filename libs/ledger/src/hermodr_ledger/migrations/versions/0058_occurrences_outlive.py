"""A schedule is deleted at once, however many occurrences it had."""

from hermodr_ledger.migrations.script import execute_file

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0058_occurrences_outlive.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0058 cannot be undone")
