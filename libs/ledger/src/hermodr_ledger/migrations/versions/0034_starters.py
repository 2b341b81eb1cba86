"""Templates that came with the project."""

from hermodr_ledger.migrations.script import execute_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0034_starters.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0034 cannot be undone")
