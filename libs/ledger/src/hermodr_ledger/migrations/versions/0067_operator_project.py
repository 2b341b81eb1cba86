"""One project operates the installation; `hermodr migrate` makes it."""

from hermodr_ledger.migrations.script import execute_file

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0067_operator_project.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0067 cannot be undone")
