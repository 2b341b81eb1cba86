"""What attempts of unknown outcome turned out to be."""

from hermodr_ledger.migrations.script import execute_file

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0037_proofs.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0037 cannot be undone")
