"""What listing and counting jobs needs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0003_following.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0003 cannot be undone")
