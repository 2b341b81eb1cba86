"""A column for rows of which no message is on its way."""

from hermodr_ledger.migrations.script import execute_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0025_unannounced.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0025 cannot be undone")
