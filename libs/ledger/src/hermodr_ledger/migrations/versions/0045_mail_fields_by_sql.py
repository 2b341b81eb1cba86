"""What requests in SQL say about their mail."""

from hermodr_ledger.migrations.script import execute_file

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0045_mail_fields_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0045 cannot be undone")
