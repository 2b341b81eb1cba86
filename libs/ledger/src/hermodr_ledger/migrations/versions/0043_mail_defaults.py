"""Whom mails are from unless they say it themselves."""

from hermodr_ledger.migrations.script import execute_file

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0043_mail_defaults.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0043 cannot be undone")
