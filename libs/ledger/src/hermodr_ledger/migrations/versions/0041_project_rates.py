"""Rates of projects at providers."""

from hermodr_ledger.migrations.script import execute_file

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0041_project_rates.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0041 cannot be undone")
