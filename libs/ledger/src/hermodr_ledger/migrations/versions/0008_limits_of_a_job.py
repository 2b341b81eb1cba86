"""What ends a job before its ladder does."""

from hermodr_ledger.migrations.script import execute_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0008_limits_of_a_job.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0008 cannot be undone")
