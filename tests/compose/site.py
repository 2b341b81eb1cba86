"""A whole Hermodr in containers, by the repository's own docker-compose.yml, in a project of the test's own."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import httpx

from hermodr_devkit.backing import docker, ports
from packages import ROOT

SECONDS = 900
PATIENCE = 600.0
"""A busy machine takes long to start ten containers."""
SERVICES = ("api", "dispatcher", "scheduler", "email-sender", "webhook-sender", "worker", "sandbox")
VERSIONS = ("test", "test-next")
PORTS = (
    "HERMODR_API_PORT",
    "HERMODR_SANDBOX_PORT",
    "HERMODR_POSTGRES_PORT",
    "HERMODR_RABBITMQ_PORT",
    "HERMODR_RABBITMQ_CONSOLE_PORT",
)


class Site:
    """`version` is the images' that the next command uses."""

    def __init__(self) -> None:
        self.project = f"hermodr-test-{os.getpid()}"
        self.version = VERSIONS[0]
        self.ports = dict(zip(PORTS, map(str, ports.free(len(PORTS))), strict=True))
        self.key = ""
        self._compose = docker.compose()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['HERMODR_API_PORT']}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.ports['HERMODR_SANDBOX_PORT']}"

    def compose(self, *arguments: str) -> str:
        """Its output. Raises AssertionError with what it complains of."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
        variables = kept | self.ports
        variables |= {
            "COMPOSE_PROJECT_NAME": self.project,
            "HERMODR_IMAGE": "hermodr-test",
            "HERMODR_WORKER_IMAGE": "hermodr-test-worker",
            "HERMODR_VERSION": self.version,
        }
        return run([*self._compose, *arguments], variables)

    def hermodr(self, *arguments: str) -> str:
        """`hermodr` as operators of this installation call it."""
        return self.compose("run", "--rm", "-T", "migrate", *arguments).strip()

    def up(self) -> None:
        self.compose("up", "-d")
        self.wait_until_healthy()
        self.key = self.hermodr("keys", "create", "--project", "compose", "--scopes", "send,read,manage")

    def down(self) -> None:
        """Nothing stays, the images neither."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "30")
        named = ["--filter", "reference=hermodr-test-*", "--format", "{{.Repository}}:{{.Tag}}"]
        if images := run(["docker", "images", *named]).split():
            run(["docker", "rmi", "--force", *images])

    def containers(self, service: str) -> list[dict[str, Any]]:
        """As `docker inspect` has them; of this service."""
        label = f"label=com.docker.compose.project={self.project}"
        of = f"label=com.docker.compose.service={service}"
        ids = run(["docker", "ps", "-q", "--filter", label, "--filter", of]).split()
        found: list[dict[str, Any]] = json.loads(run(["docker", "inspect", *ids])) if ids else []
        return found

    def kill(self, service: str) -> None:
        """SIGKILL from outside, for one container of it. `docker kill` would count as a wish to have it stopped."""
        pid = self.containers(service)[0]["State"]["Pid"]
        code = f"import os; os.kill({pid}, 9)"
        image = f"hermodr-test-command:{VERSIONS[0]}"
        command = ["docker", "run", "--rm", "--pid=host", "--user=0", "--entrypoint=python"]
        run([*command, image, "-c", code])

    def wait_until_healthy(self, services: Iterable[str] = (*SERVICES, "postgres", "rabbitmq")) -> None:
        for service in services:
            try:
                wait_for(f"{service} to be healthy", partial(self._healthy, service))
            except AssertionError as error:
                raise AssertionError(
                    f"{error}:\n{self.compose('logs', '--tail=40', service)[-6000:]}"
                ) from None

    def _healthy(self, service: str) -> bool:
        found = self.containers(service)
        return bool(found) and all(
            each["State"].get("Health", {}).get("Status") == "healthy" for each in found
        )

    def send(self, names: Iterable[str]) -> list[str]:
        """A mail to each name, asked for until it is accepted, as a careful producer does; the jobs' ids."""
        return [self._send(name) for name in names]

    def _send(self, name: str) -> str:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": f"mail-{name}"}
        body = {"to": {"email": f"{name}@example.com"}, "subject": f"To {name}", "body_text": "Hello."}
        jobs: list[str] = []

        def accepted() -> bool:
            try:
                answer = httpx.post(
                    f"{self.api}/v1/notifications", headers=headers, json=body, timeout=30, trust_env=False
                )
            except httpx.HTTPError:
                return False
            if answer.status_code == httpx.codes.ACCEPTED:
                jobs.append(answer.json()["job_id"])
            else:
                assert answer.status_code >= 500, answer.text
            return bool(jobs)

        wait_for(f"the mail to {name} to be accepted", accepted)
        return jobs[0]

    def wait_until_sent(self, jobs: Iterable[str]) -> None:
        for job in jobs:
            wait_for(f"job {job} to be completed", partial(self._completed, job))

    def _completed(self, job: str) -> bool:
        answer = self.get(f"/v1/jobs/{job}")
        return answer is not None and answer.is_success and answer.json()["job"]["status"] == "completed"

    def get(self, path: str) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            return httpx.get(f"{self.api}{path}", headers=headers, timeout=30, trust_env=False)
        except httpx.HTTPError:
            return None

    def recipients(self) -> list[str]:
        """Of all mails that the sandbox got, the name for each."""
        found, query = [], {"limit": "200"}
        while True:
            answer = httpx.get(f"{self.sandbox}/v1/mails", params=query, timeout=30, trust_env=False)
            page = answer.raise_for_status().json()
            found += [to.partition("@")[0] for mail in page["data"] for to in mail["envelope_to"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]


def wait_for(what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.5)


def run(command: list[str], variables: dict[str, str] | None = None, stdin: str = "") -> str:
    """Its output. Raises AssertionError with what it complains of."""
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=SECONDS, input=stdin
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout
