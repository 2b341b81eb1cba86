"""What a text is paid by, and whom it went to."""

from hermodr_ledger.migrations.script import execute_file

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0042_texts.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0042 cannot be undone")
