"""What templates need beside their texts."""

from hermodr_ledger.migrations.script import execute_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0006_templates.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0006 cannot be undone")
