"""What the page of people's preferences shows of a project and its types; links to it can be revoked."""

from hermodr_ledger.migrations.script import execute_file

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0094_preference_page.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0094 cannot be undone")
