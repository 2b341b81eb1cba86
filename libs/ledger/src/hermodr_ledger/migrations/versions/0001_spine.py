"""The spine: projects, keys, recipients, templates, jobs, deliveries, attempts, events."""

from hermodr_ledger.migrations.script import execute_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0001_spine.sql")


def downgrade() -> None:
    raise NotImplementedError("the first revision cannot be undone")
