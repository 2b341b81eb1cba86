"""Whether exports for end users hold contents."""

from hermodr_ledger.migrations.script import execute_file

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0072_users_exports.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0072 cannot be undone")
