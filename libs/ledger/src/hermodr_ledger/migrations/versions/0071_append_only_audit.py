"""The audit log is added to and never changed."""

from hermodr_ledger.migrations.script import execute_file

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0071_append_only_audit.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0071 cannot be undone")
