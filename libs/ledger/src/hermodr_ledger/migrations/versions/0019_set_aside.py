"""What duties set aside."""

from hermodr_ledger.migrations.script import execute_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0019_set_aside.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0019 cannot be undone")
