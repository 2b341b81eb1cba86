"""The jobs that repeated items of a bulk request stand for."""

from hermodr_ledger.migrations.script import execute_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0021_replayed_items.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0021 cannot be undone")
