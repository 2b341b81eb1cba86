"""Keys remember who made them."""

from hermodr_ledger.migrations.script import execute_file

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0102_makers_of_keys.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0102 cannot be undone")
