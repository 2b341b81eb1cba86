"""What senders know of the limits of their providers."""

from hermodr_ledger.migrations.script import execute_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0015_provider_limits.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0015 cannot be undone")
