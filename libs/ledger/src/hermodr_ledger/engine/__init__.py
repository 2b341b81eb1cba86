"""The connection to PostgreSQL, and what all statements share."""

from hermodr_ledger.engine.connection import (
    COUNTING_SECONDS,
    Ledger,
    Row,
    Statements,
    Steps,
    Transaction,
    columns,
)
from hermodr_ledger.engine.errors import (
    DATABASE_SAYS_NO,
    Collided,
    Contested,
    LedgerUnavailable,
    OutageCause,
    Overloaded,
    ReadOnly,
    repeats_itself,
)

__all__ = [
    "COUNTING_SECONDS",
    "DATABASE_SAYS_NO",
    "Collided",
    "Contested",
    "Ledger",
    "LedgerUnavailable",
    "OutageCause",
    "Overloaded",
    "ReadOnly",
    "Row",
    "Statements",
    "Steps",
    "Transaction",
    "columns",
    "repeats_itself",
]
