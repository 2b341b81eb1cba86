"""What is left when a person is forgotten, and when jobs are cleaned up."""

from hermodr_ledger.migrations.script import execute_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0024_forgetting.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0024 cannot be undone")
