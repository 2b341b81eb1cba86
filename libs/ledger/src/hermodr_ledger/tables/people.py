from sqlalchemy import (
    UUID,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_ledger.tables.columns import (
    EMPTY_LIST,
    EMPTY_OBJECT,
    MOMENT,
    NOW,
    committed,
    counter,
    json,
    kept,
    made,
    metadata,
    needed_text,
    of_project,
    owned_by,
    texts,
)

RECIPIENT_WORDS = (
    "to_tsvector('simple'::regconfig, translate(((((((((COALESCE(name, ''::text) || ' '::text)"
    " || COALESCE(email, ''::text)) || ' '::text) || COALESCE(phone, ''::text)) || ' '::text)"
    " || COALESCE(external_id, ''::text)) || ' '::text) || COALESCE(user_id, ''::text)),"
    " '@._-+/:'::text, '       '::text))"
)
"""What recipients are found by, word by word, as PostgreSQL writes it: it is compared with the schema."""

recipients = Table(
    "recipients",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    *texts("external_id", "user_id", "name", "email", "phone", "locale", "timezone"),
    Column("muted_until", MOMENT),
    json("quiet_hours"),
    json("preferences", EMPTY_LIST),
    *kept(),
    Column("relationship", Text),
    json("attributes", EMPTY_OBJECT),
    Column("webhook_url", Text),
    json("caps"),
    Column("links_valid_from", MOMENT),
    UniqueConstraint("project_id", "external_id"),
    Index("recipients_page", "project_id", "id"),
    Index("recipients_words", text(RECIPIENT_WORDS), postgresql_using="gin"),
    committed("recipients"),
)
Index(
    "recipients_user",
    recipients.c.project_id,
    recipients.c.user_id,
    postgresql_where=recipients.c.user_id.is_not(None),
)
Index(
    "recipients_email",
    recipients.c.project_id,
    func.lower(recipients.c.email),
    postgresql_where=recipients.c.email.is_not(None),
)

pending_addresses = Table(
    "pending_addresses",
    metadata,
    Column("recipient_id", UUID, ForeignKey("recipients.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", UUID, nullable=False, unique=True),
    needed_text("address"),
    counter("tried_codes"),
    made("requested_at"),
    Column("expires_at", MOMENT, nullable=False),
    Column("confirmed_at", MOMENT),
    Index("pending_addresses_expiry", "expires_at"),
)

suppression_key = Table(
    "suppression_key",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=true()),
    Column("key", LargeBinary, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    Column("hash", LargeBinary, nullable=False),
    Column("address", Text),
    needed_text("reason"),
    Column("note", Text),
    Column("delivery_id", UUID),
    Column("expires_at", MOMENT),
    Column("wake_at", MOMENT, server_default=NOW),
    *kept(),
    UniqueConstraint("project_id", "hash"),
    Index("suppressions_page", "project_id", "id"),
    committed("suppressions"),
)
for _name in ("wake_at", "expires_at"):
    _when = suppressions.c[_name]
    Index(
        f"suppressions_{'wake' if _name == 'wake_at' else 'expiry'}",
        _when,
        postgresql_where=_when.is_not(None),
    )

groups = Table(
    "groups",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    Column("external_id", Text),
    needed_text("name"),
    json("metadata", EMPTY_OBJECT),
    *kept(),
    UniqueConstraint("project_id", "external_id"),
    Index("groups_page", "project_id", "id"),
    committed("groups"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("id", UUID, primary_key=True),
    owned_by("group_id", "groups"),
    owned_by("recipient_id", "recipients"),
    Column("role", Text),
    Column("muted_until", MOMENT),
    Column("read_through", UUID, nullable=False),
    *kept(),
    UniqueConstraint("group_id", "recipient_id"),
    Index("group_members_page", "group_id", "id"),
    Index("group_members_recipient", "recipient_id", "id"),
    committed("group_members"),
)

updates = Table(
    "updates",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    owned_by("group_id", "groups"),
    Column("external_id", Text),
    Column("content_type", Text, nullable=False, server_default=text("'text'")),
    Column("author_id", UUID, ForeignKey("recipients.id", ondelete="SET NULL")),
    *texts("title", "body", "url"),
    json("metadata", EMPTY_OBJECT),
    *kept(),
    UniqueConstraint("group_id", "external_id"),
    Index("updates_page", "group_id", "id"),
    Index("updates_project", "project_id"),
    committed("updates"),
)
Index("updates_author", updates.c.author_id, updates.c.id, postgresql_where=updates.c.author_id.is_not(None))

update_reads = Table(
    "update_reads",
    metadata,
    Column("recipient_id", UUID, ForeignKey("recipients.id", ondelete="CASCADE"), primary_key=True),
    Column("update_id", UUID, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True),
    made("read_at"),
    Index("update_reads_update", "update_id"),
)

templates = Table(
    "templates",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    needed_text("name"),
    Column("critical", Boolean, nullable=False, server_default=false()),
    Column("default_locale", Text, nullable=False, server_default=text("'en'")),
    Column("current_version", Integer, nullable=False),
    *kept(),
    Column("starter", Boolean, nullable=False, server_default=false()),
    Column("mail_from", Text),
    Column("reply_to", ARRAY(Text)),
    json("labels"),
    UniqueConstraint("project_id", "name"),
    committed("templates"),
)

template_contents = Table(
    "template_contents",
    metadata,
    Column("template_id", UUID, ForeignKey("templates.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("locale", Text, primary_key=True),
    *texts("subject", "body_text", "body_html"),
    made(),
    Column("body_mjml", Text),
    Column("inline_css", Boolean, nullable=False, server_default=true()),
    Column("compiled_html", Text),
    Column("required", Text),
    Column("reads_recipient", Boolean, nullable=False, server_default=false()),
    Column("approved", Text),
    Column("reads_items", Boolean),
)

whatsapp_windows = Table(
    "whatsapp_windows",
    metadata,
    Column("phone", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("opened_at", MOMENT, nullable=False),
    Index("whatsapp_windows_opened", "opened_at"),
)
