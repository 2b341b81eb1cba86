"""Which transaction made a row, so that no list passes by what was not committed yet."""

from hermodr_ledger.migrations.script import execute_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0022_commits.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0022 cannot be undone")
