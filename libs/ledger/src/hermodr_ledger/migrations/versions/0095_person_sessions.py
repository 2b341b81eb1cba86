"""Sessions of people at the operators' console."""

from hermodr_ledger.migrations.script import execute_file

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0095_person_sessions.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0095 cannot be undone")
