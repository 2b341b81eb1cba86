"""Exports wait for their turn before their answer begins, and give it back however they end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from hermodr_api.access import exports
from hermodr_api.access.authentication import Caller
from hermodr_api.access.exports import AT_ONCE, Export, Exports
from hermodr_api.access.limits import Limiter
from hermodr_api.errors import Refused
from hermodr_ledger.access.rates import BucketRequest, Granted
from hermodr_ledger.engine import LedgerUnavailable, Overloaded
from tests.support.clocks import FakeClock

KEY = Caller(UUID(int=1), UUID(int=2), frozenset(("read",)))
USER = Caller(None, UUID(int=2), frozenset(), "uma")


async def everything(requests: Sequence[BucketRequest]) -> Mapping[str, Granted]:
    return {each.subject: Granted(each.wanted, 0.0) for each in requests}


@pytest.fixture
def under_test(monkeypatch: pytest.MonkeyPatch) -> Exports:
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.01)
    return Exports(Limiter(everything, FakeClock()))


async def pieces(*, whole: bool = True) -> AsyncIterator[bytes]:
    for each in (b"{", b"a", b"[]"):
        yield each
    if not whole:
        raise LedgerUnavailable("gone")
    yield b"}"


async def test_too_many_are_refused_before_they_begin(under_test: Exports) -> None:
    turns = [await under_test.admit(KEY) for _ in range(AT_ONCE)]
    with pytest.raises(Overloaded):
        await under_test.admit(KEY)
    await turns[0].aclose()
    await under_test.admit(KEY)


async def test_a_user_has_one_at_a_time(under_test: Exports) -> None:
    turn = await under_test.admit(USER)
    with pytest.raises(Refused):
        await under_test.admit(USER)
    await turn.aclose()
    await under_test.admit(USER)


async def test_what_breaks_off_is_logged_and_has_no_end(under_test: Exports) -> None:
    export = Export(pieces(whole=False), await under_test.admit(USER))
    await export.begin()
    read = export.read()
    assert b"".join([await anext(read) for _ in range(3)]) == b"{a[]"
    with capture_logs() as logs, pytest.raises(LedgerUnavailable):
        await anext(read)
    await export.end()
    assert [each["event"] for each in logs] == ["an export broke off"]
    await under_test.admit(USER)


async def test_a_whole_one_is_whole(under_test: Exports) -> None:
    export = Export(pieces(), await under_test.admit(KEY))
    await export.begin()
    assert b"".join([piece async for piece in export.read()]) == b"{a[]}"
