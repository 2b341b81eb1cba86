"""A time of day by the recipient's clock; who changes wishes has waiting jobs decided again."""

from hermodr_ledger.migrations.script import execute_file

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0052_delivery_times.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0052 cannot be undone")
