"""Files that tasks make and people fetch, or give to tasks."""

from sqlalchemy import UUID, BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, text

from hermodr_ledger.tables.columns import MOMENT, made, metadata, needed_text, texts

files = Table(
    "files",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("project_id", UUID, ForeignKey("projects.id"), nullable=False),
    Column("job_id", UUID, nullable=False),
    needed_text("kind"),
    *texts("owner"),
    needed_text("name"),
    needed_text("media_type"),
    Column("bytes", BigInteger),
    Column("expires_at", MOMENT, nullable=False),
    made(),
    CheckConstraint("kind IN ('export', 'import', 'report')", name="files_kind_check"),
    Index("files_expiring", "expires_at"),
    Index("files_of_job", "job_id"),
    Index("files_of_owner", "project_id", "owner", postgresql_where=text("owner IS NOT NULL")),
)

import_progress = Table(
    "import_progress",
    metadata,
    Column("file_id", UUID, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    *(
        Column(_name, Integer, nullable=False, server_default=text("0"))
        for _name in ("rows", "created", "updated")
    ),
)
