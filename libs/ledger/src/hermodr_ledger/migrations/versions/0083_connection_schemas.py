"""What is known of the schemas of other databases."""

from hermodr_ledger.migrations.script import execute_file

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0083_connection_schemas.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0083 cannot be undone")
