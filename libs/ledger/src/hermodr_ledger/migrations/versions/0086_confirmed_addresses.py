"""A code that was right stays right for a while."""

from hermodr_ledger.migrations.script import execute_file

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0086_confirmed_addresses.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0086 cannot be undone")
