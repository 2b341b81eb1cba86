"""Files that tasks make and people fetch."""

from hermodr_ledger.migrations.script import execute_file

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0087_files.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0087 cannot be undone")
