"""Projects take turns at webhooks, and so do the endpoints of each."""

from hermodr_ledger.migrations.script import execute_file

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0051_turns_of_projects.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0051 cannot be undone")
