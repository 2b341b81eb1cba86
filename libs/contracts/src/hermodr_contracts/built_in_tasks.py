"""The tasks that every worker has, by the names that requests, services and people know them by."""

SCHEMA_REBUILD = "schema-rebuild"
DATA_EXPORT = "data-export"
RECIPIENTS_IMPORT = "recipients-import"
