"""What people are told in the application itself."""

from hermodr_ledger.migrations.script import execute_file

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0078_inbox.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0078 cannot be undone")
