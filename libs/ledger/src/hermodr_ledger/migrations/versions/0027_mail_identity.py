"""What a job says about its mail, and about a bare address."""

from hermodr_ledger.migrations.script import execute_file

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0027_mail_identity.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0027 cannot be undone")
