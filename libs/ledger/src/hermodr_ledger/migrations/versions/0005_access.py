"""The audit log; rate limits shared by all api processes."""

from hermodr_ledger.migrations.script import execute_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0005_access.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0005 cannot be undone")
