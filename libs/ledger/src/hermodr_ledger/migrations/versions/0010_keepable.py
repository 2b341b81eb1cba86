"""SQL refuses JSON that cannot be kept as it is."""

from hermodr_ledger.migrations.script import execute_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0010_keepable.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0010 cannot be undone")
