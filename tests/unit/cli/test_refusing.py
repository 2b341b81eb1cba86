import asyncpg
import pytest
from aio_pika.exceptions import AMQPConnectionError
from sqlalchemy.exc import ProgrammingError

from hermodr_cli.commands.refusing import broker_refusals, database_refusals
from hermodr_cli.refusal import Refusal
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.engine.schema_version import SchemaMismatch
from hermodr_servicekit.outages import BrokerUnavailable


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LedgerUnavailable("ConnectionRefusedError"), "does not answer (ConnectionRefusedError)"),
        (ConnectionRefusedError(111, "refused"), "does not answer (ConnectionRefusedError)"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "cannot be used (password auth"),
        (asyncpg.InterfaceError(""), "cannot be used (InterfaceError)"),
        (
            ProgrammingError("CREATE …", {}, Exception("<class 'x'>: permission denied\nDETAIL: a row")),
            "cannot be used (permission denied)",
        ),
        (SchemaMismatch("run `hermodr migrate`"), "run `hermodr migrate`"),
    ],
)
def test_of_a_database(error: Exception, said: str) -> None:
    with pytest.raises(Refusal) as caught, database_refusals():
        raise error
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [BrokerUnavailable("lost"), AMQPConnectionError("no"), OSError("x"), TimeoutError()]
)
def test_of_a_broker(error: Exception) -> None:
    with pytest.raises(Refusal, match="the broker of HERMODR_AMQP_URL"), broker_refusals():
        raise error


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(KeyError), database_refusals(), broker_refusals():
        raise KeyError("x")
