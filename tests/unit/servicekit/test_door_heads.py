"""Heads that HTTP does not allow, or that nobody here can follow."""

import pytest

from hermodr_servicekit.web import serve
from tests.support.raw_http import CHUNKED, GET, Seen, line, refused


@pytest.mark.parametrize(
    ("head", "status", "slug"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed-http"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "malformed-http"),
        (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", 400, "malformed-http"),
        (CHUNKED[:-2] + b"content-length: 2\r\n\r\n", 400, "malformed-http"),
        (GET[:-2] + b"transfer-encoding: gzip, chunked\r\n\r\n", 501, "not-implemented"),
        (GET[:-2] + b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", 501, "not-implemented"),
        (GET[:-2] + b"expect: 200-ok\r\n\r\n", 417, "expectation-failed"),
        (GET[:-2] + b"expect: 100-continue\r\nexpect: more\r\n\r\n", 417, "expectation-failed"),
    ],
)
async def test_heads_that_http_does_not_allow_are_refused(head: bytes, status: int, slug: str) -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(head)
        await refused(it, status, slug)
    assert app.asked == 0


async def test_heads_that_http_allows_are_taken() -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port:
        for head in (
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.0\r\nexpect: 200-ok\r\n\r\n",
            GET[:-2] + b"Transfer-Encoding: Chunked \r\n\r\n0\r\n\r\n",
        ):
            async with line(port) as it:
                await it.say(head)
                assert (await it.answer())[0] == 200, head
        async with line(port) as it:
            await it.say(GET[:-2] + b"expect: 100-Continue\r\ncontent-length: 2\r\n\r\n")
            assert await it.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await it.say(b"{}")
            assert (await it.answer())[0] == 200
