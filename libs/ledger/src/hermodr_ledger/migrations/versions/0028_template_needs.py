"""What a version of a template needs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0028_template_needs.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0028 cannot be undone")
