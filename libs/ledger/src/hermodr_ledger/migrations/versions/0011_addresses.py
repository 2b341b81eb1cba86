"""One rule for addresses, in SQL too."""

from hermodr_ledger.migrations.script import execute_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0011_addresses.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0011 cannot be undone")
