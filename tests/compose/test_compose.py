"""`docker compose up` from a clone, and what operators do to it: scale, kill, upgrade, take down. In the order of the
file."""

import json

import pytest

from hermodr_contracts.broker_rights import SERVICES as AT_BROKER
from hermodr_contracts.broker_rights import user_name
from hermodr_ledger.rights.declared import ROLE_OF
from tests.compose.site import SERVICES, VERSIONS, Site, run, wait_for

WITH_DATABASE = [service for service in SERVICES if service in ROLE_OF]


def names(start: str, count: int) -> list[str]:
    return [f"{start}-{number}" for number in range(count)]


def test_what_is_asked_for_is_sent(site: Site) -> None:
    wanted = names("first", 20)
    site.wait_until_sent(site.send(wanted))
    assert sorted(site.recipients()) == sorted(wanted)


@pytest.mark.parametrize("service", SERVICES)
def test_containers_are_no_ones_root(site: Site, service: str) -> None:
    container = site.containers(service)[0]
    assert container["Config"]["User"] == "10001:10001"
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    told = " ".join(container["Config"]["Env"])
    for secret in ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL", "HERMODR_SECRET_KEY", "HERMODR_LINK_SECRET"):
        assert secret not in told
    looked = (
        "import os, shutil, json; held = open('/proc/self/status').read();"
        "print(json.dumps({'uid': os.getuid(), "
        "'compilers': [c for c in ('cc', 'gcc', 'c++', 'make') if shutil.which(c)],"
        "'capabilities': held.partition('CapEff:')[2].split()[0],"
        "'written': [p for p in ('/', '/opt/hermodr', '/run/secrets') if os.access(p, os.W_OK)],"
        "'sbom': [c['name'] for c in json.load(open('/usr/share/hermodr/sbom.cdx.json'))['components']]}))"
    )
    found = json.loads(site.compose("exec", "-T", service, "python", "-c", looked))
    assert (found["uid"], found["compilers"], found["written"]) == (10001, [], [])
    assert int(found["capabilities"], 16) == 0
    assert {"fastapi", "asyncpg", "hermodr-api"} <= set(found["sbom"])


def test_each_service_is_itself_to_the_servers(site: Site) -> None:
    query = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE 'hermodr%'"
    roles = site.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "hermodr", "-Atc", query)
    assert set(roles.split()) == {f"hermodr_{ROLE_OF[service]}" for service in WITH_DATABASE}
    ctl = ["exec", "-T", "rabbitmq", "rabbitmqctl", "-q"]
    users = site.compose(*ctl, "list_connections", "user")
    assert set(users.split()) - {"user"} == {
        user_name(each, "hermodr") for each in AT_BROKER if each in WITH_DATABASE
    }
    queues = site.compose(*ctl, "list_queues", "name", "policy")
    policies = dict(
        line.split() for line in queues.splitlines() if line.startswith("hermodr.") and "events" not in line
    )
    assert set(policies.values()) == {"hermodr-work", "hermodr-retry", "hermodr-dead"}


def test_files_of_a_worker_are_read_by_the_api(site: Site) -> None:
    place = "/var/lib/hermodr/files/tried"
    site.compose("exec", "-T", "worker", "python", "-c", f"open({place!r}, 'w').write('rows')")
    read = site.compose("exec", "-T", "api", "python", "-c", f"print(open({place!r}).read())")
    assert read.strip() == "rows"


def test_versions_are_those_that_are_promised(site: Site) -> None:
    postgres = site.compose("exec", "-T", "postgres", "postgres", "--version")
    assert " 17." in postgres
    assert site.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "version").split()[-1].startswith("4.")


def test_senders_scale(site: Site) -> None:
    site.compose("up", "-d", "--no-recreate", "--scale", "email-sender=3")
    site.wait_until_healthy(["email-sender"])
    assert len(site.containers("email-sender")) == 3
    wanted = names("scaled", 200)
    site.wait_until_sent(site.send(wanted))
    got = site.recipients()
    assert sorted(name for name in got if name.startswith("scaled")) == sorted(wanted)


@pytest.mark.parametrize(
    "victim",
    ["api", "dispatcher", "scheduler", "email-sender", "webhook-sender", "worker", "rabbitmq", "postgres"],
)
def test_what_is_killed_comes_back_and_nothing_is_lost(site: Site, victim: str) -> None:
    before = site.containers(victim)[0]
    wanted = names(f"killed-{victim}", 10)
    jobs = site.send(wanted)
    site.kill(victim)
    jobs += site.send(more := names(f"after-{victim}", 10))

    def restarted() -> bool:
        now = {each["Id"]: each for each in site.containers(victim)}.get(before["Id"])
        return bool(now and now["State"]["StartedAt"] != before["State"]["StartedAt"])

    wait_for(f"{victim} to be started again", restarted)
    site.wait_until_healthy()
    site.wait_until_sent(jobs)
    assert set(site.recipients()) >= {*wanted, *more}


def test_an_upgrade_one_service_after_the_other_loses_nothing(site: Site) -> None:
    for service in (*SERVICES, "command"):
        old = f"hermodr-test-{service}:{VERSIONS[0]}"
        command = ["docker", "build", "-q", "-t", f"hermodr-test-{service}:{VERSIONS[1]}", "-"]
        run(command, stdin=f"FROM {old}\nLABEL version=next\n")
    site.version = VERSIONS[1]
    site.compose("up", "-d", "--no-deps", "migrate")
    wait_for("the migration", lambda: not site.containers("migrate"))
    jobs: list[str] = []
    wanted: list[str] = []
    for service in SERVICES:
        if service != "sandbox":  # it forgets its mails
            scale = ["--scale", "email-sender=3"] if service == "email-sender" else []
            site.compose("up", "-d", "--no-deps", *scale, service)
        wanted += (more := names(f"upgraded-{service}", 10))
        jobs += site.send(more)
    site.wait_until_healthy()
    site.wait_until_sent(jobs)
    assert sorted(name for name in site.recipients() if name.startswith("upgraded")) == sorted(wanted)
    now = {
        each["Config"]["Image"].rpartition(":")[2]
        for service in WITH_DATABASE
        for each in site.containers(service)
    }
    assert now == {VERSIONS[1]}


def test_nothing_stays(site: Site) -> None:
    site.down()
    label = f"label=com.docker.compose.project={site.project}"
    for kind in (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
        assert run(["docker", *kind, "--filter", label]) == ""
    assert run(["docker", "images", "-q", "--filter", "reference=hermodr-test-*"]) == ""
