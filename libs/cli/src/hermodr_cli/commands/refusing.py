import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aio_pika.exceptions import AMQPError

from hermodr_cli.refusal import Refusal
from hermodr_ledger.engine import DATABASE_SAYS_NO, LedgerUnavailable
from hermodr_ledger.engine.schema_version import SchemaMismatch
from hermodr_servicekit.outages import BrokerUnavailable


@contextmanager
def database_refusals() -> Iterator[None]:
    """Raises `Refusal` when the database does not answer, refuses us or has another schema."""
    try:
        yield
    except SchemaMismatch as error:
        raise Refusal(str(error)) from error
    except (LedgerUnavailable, OSError) as error:
        raise Refusal(f"the database of HERMODR_DATABASE_URL does not answer ({_what(error)})") from error
    except DATABASE_SAYS_NO as error:
        raise Refusal(f"the database of HERMODR_DATABASE_URL cannot be used ({_what(error)})") from error


@contextmanager
def broker_refusals() -> Iterator[None]:
    """Raises `Refusal` when the broker does not answer or refuses us. The driver's own log lines are not shown."""
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        yield
    except BrokerUnavailable as error:
        raise Refusal(f"the broker of HERMODR_AMQP_URL cannot be used ({_what(error)})") from error
    except (AMQPError, OSError, TimeoutError) as error:
        raise Refusal(f"the broker of HERMODR_AMQP_URL does not answer ({_what(error)})") from error


def _what(error: BaseException) -> str:
    """One line; a server's own text at most, which quotes no password."""
    said = str(getattr(error, "orig", None) or error).strip()
    if isinstance(error, OSError) or not said:
        return type(error).__name__
    return said.splitlines()[0].rpartition(">: ")[2][:200]
