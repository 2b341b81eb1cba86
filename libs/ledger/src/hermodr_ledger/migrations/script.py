from importlib.resources import files
from typing import Any

from alembic import op


def execute_file(name: str) -> None:
    """Executes a file of `versions/` in the migration's transaction."""
    sql = (files("hermodr_ledger.migrations") / "versions" / name).read_text("utf-8")
    adapted: Any = op.get_bind().connection.dbapi_connection
    adapted.run_async(lambda connection: connection.execute(sql))
