"""Recipients are found by the beginning of a word of what they are called."""

from hermodr_ledger.migrations.script import index_while_in_use

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_while_in_use("0098_words_of_recipients.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0098 cannot be undone")
