"""Functions that run as their owner look up nothing of their callers'."""

from hermodr_ledger.migrations.script import execute_file

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0084_search_path_of_pseudonyms.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0084 cannot be undone")
