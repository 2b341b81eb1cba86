"""Which texts show several events."""

from hermodr_ledger.migrations.script import execute_file

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0064_texts_of_several_events.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0064 cannot be undone")
