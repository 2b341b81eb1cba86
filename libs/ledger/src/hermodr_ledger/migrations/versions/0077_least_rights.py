"""Services can do with less than the owner's rights."""

from hermodr_ledger.migrations.script import execute_file

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0077_least_rights.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0077 cannot be undone")
