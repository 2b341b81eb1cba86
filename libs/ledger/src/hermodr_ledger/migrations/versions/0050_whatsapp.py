"""WhatsApp: windows, approved templates, and whom a message went to."""

from hermodr_ledger.migrations.script import execute_file, index_while_in_use

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0050_whatsapp.sql", unless="whatsapp_windows")
    index_while_in_use("0050_whatsapp_indexes.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0050 cannot be undone")
