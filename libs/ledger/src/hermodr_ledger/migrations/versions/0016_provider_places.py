"""Where each provider is, and what an operator allowed it."""

from hermodr_ledger.migrations.script import execute_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0016_provider_places.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0016 cannot be undone")
