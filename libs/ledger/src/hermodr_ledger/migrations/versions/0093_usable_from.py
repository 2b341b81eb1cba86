"""The schema says which code may run on it."""

from hermodr_ledger.migrations.script import execute_file

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0093_usable_from.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0093 cannot be undone")
