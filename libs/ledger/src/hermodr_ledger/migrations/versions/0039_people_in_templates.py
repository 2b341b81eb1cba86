"""What templates may say about their recipients."""

from hermodr_ledger.migrations.script import execute_file

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0039_people_in_templates.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0039 cannot be undone")
