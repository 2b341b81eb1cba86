"""Groups, members, updates; what preferences and quiet hours need."""

from hermodr_ledger.migrations.script import execute_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0002_people.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0002 cannot be undone")
