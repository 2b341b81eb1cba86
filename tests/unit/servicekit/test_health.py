"""The health check of containers, against a real port."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from hermodr_servicekit import health


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A service that answers with this status; the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == health.PATH else 404)
            self.end_headers()
            self.wfile.write(b'{"checks": {"broker": false}}')

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is to be printed."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_ready_service_ends_it_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200) as port:
        monkeypatch.setenv(health.PORT, str(port))
        assert health.main() == 0


def test_one_that_waits_ends_it_with_1_and_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(503) as port:
        monkeypatch.setenv(health.PORT, str(port))
        assert health.main() == 1
    assert capsys.readouterr().err == '503: {"checks": {"broker": false}}\n'


def test_no_answer_ends_it_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(200) as port:
        pass
    monkeypatch.setenv(health.PORT, str(port))
    assert health.main() == 1
    assert capsys.readouterr().err == f"no answer on port {port} (ConnectionRefusedError)\n"


def test_without_a_port_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(health.PORT, raising=False)
    assert health.main() == 2
    assert health.PORT in capsys.readouterr().err
