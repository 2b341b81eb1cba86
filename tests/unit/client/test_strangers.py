"""Something else listens where the API should be."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from hermodr_cli.main import app
from hermodr_cli.remote import connection
from hermodr_client import Hermodr, NoAnswer, Retries
from tests.support.client import KEY

PATIENT = 30.0


@contextmanager
def stranger(says: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the first bytes of each connection to it."""
    heard: list[bytes] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                kept.append(peer)
                peer.settimeout(PATIENT)
                heard.append(peer.recv(65_536))
                if heard[-1]:
                    peer.sendall(says)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENT)
    for peer in kept:
        peer.close()


def test_what_speaks_no_http_is_not_asked_again() -> None:
    with stranger(b"AMQP\r\n\r\n") as (url, heard), Hermodr(url, KEY) as client:
        with pytest.raises(NoAnswer, match=r"^no answer: what answers there does not speak HTTP"):
            client.health.get()
        assert len(heard) == 1


@pytest.mark.parametrize("says", [b"", b"220 mail.example ESMTP\r\n"])
def test_what_says_nothing_that_is_http_is_told_apart(says: bytes) -> None:
    once = Retries(attempts=1)
    with (
        stranger(says) as (url, _),
        Hermodr(url, KEY, timeout=0.1, retries=once) as client,
        pytest.raises(NoAnswer, match="the connection was made, but no HTTP answer came in time"),
    ):
        client.health.get()


def test_a_command_says_soon_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_API_KEY", KEY)
    assert (
        connection.ANSWER_SECONDS == connection.PATIENCE.total_seconds < 10
    )  # so there is no second attempt
    for says, words in ((b"AMQP", "does not speak HTTP"), (b"HTTP/9", "does not speak HTTP")):
        with stranger(says + b"\r\n\r\n") as (url, heard):
            done = CliRunner().invoke(app, ["jobs", "list", "--url", f"{url}/v1/"])
        assert (done.exit_code, len(heard)) == (1, 1)
        assert words in done.stderr
        assert "HERMODR_API_URL or --url says where it is" in done.stderr
        assert heard[0].startswith(b"GET /v1/jobs?")
