"""How far imports of recipients have come."""

from hermodr_ledger.migrations.script import execute_file

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0089_import_progress.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0089 cannot be undone")
