"""Digest schedules by SQL: `updated_at`, and days refused by name."""

from hermodr_ledger.migrations.script import execute_file

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0065_digests_said_plainly.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0065 cannot be undone")
