"""What each service's broker user may do, held against the topology and the table of message flows."""

import re

import pytest

from hermodr_contracts.broker_rights import SERVICES, own_queues, permissions, user_name, whole
from hermodr_contracts.channels import served, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.messages import DeliveryCommand, JobsRequested
from hermodr_contracts.topology import FLOWS, Topology
from hermodr_contracts.vocabulary import Channel
from hermodr_devkit.supervisor import ALL, SANDBOX
from hermodr_devkit.supervisor.identities import service_of
from hermodr_ledger.rights.declared import ROLE_OF

WHOLE = whole("hermodr")
EVENTS = [
    (service, flow.message)
    for flow in FLOWS
    if not issubclass(flow.message, DeliveryCommand | JobsRequested)
    for service in flow.consumers
]


def may(pattern: str, name: str) -> bool:
    """As the broker looks: anywhere in the name, unless the pattern says otherwise."""
    return re.search(pattern, name) is not None


def test_every_service_that_has_a_role_in_the_database_has_a_user_at_the_broker() -> None:
    assert set(SERVICES) == {service_of(spec) for spec in ALL if spec is not SANDBOX} == set(ROLE_OF)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_what_the_flows_say(service: str) -> None:
    may_write = permissions(service, WHOLE).write
    for flow in FLOWS:
        if service in flow.publishers:
            wanted = {outlet.exchange.name for outlet in WHOLE.published(service)}
            assert wanted
            assert all(may(may_write, name) for name in wanted), flow.message


@pytest.mark.parametrize("service", SERVICES)
def test_it_publishes_nowhere_else_but_where_its_own_queues_bury(service: str) -> None:
    wanted = {outlet.exchange.name for outlet in WHOLE.published(service)}
    graves = {
        (spec.queue.arguments or {}).get("x-dead-letter-exchange") for spec in own_queues(service, WHOLE)
    }
    for exchange in WHOLE.exchanges:
        allowed = exchange.name in wanted | graves
        assert may(permissions(service, WHOLE).write, exchange.name) == allowed, exchange.name
    assert may(permissions(service, WHOLE).write, "amq.default") == (service == "scheduler")


@pytest.mark.parametrize("service", SERVICES)
def test_it_reads_its_own_queues_and_no_others(service: str) -> None:
    rights = permissions(service, WHOLE)
    for spec in WHOLE.queues:
        waits_for = {
            each.service
            for channel, each in WHOLE.channels.items()
            if spec.consumer is None and spec.label.startswith(f"{channel.value}.")
        }
        own = service in {spec.consumer, *waits_for}
        assert [may(each, spec.queue.name) for each in (rights.configure, rights.write, rights.read)] == (
            [own] * 3
        ), spec.label


@pytest.mark.parametrize("service", SERVICES)
def test_it_binds_its_queues_and_no_more_than_those(service: str) -> None:
    """Who may read an exchange can have a copy of whatever comes through it."""
    sources = {binding.exchange.name for spec in own_queues(service, WHOLE) for binding in spec.bindings}
    if service in {each for each, _ in EVENTS}:
        sources.add(WHOLE.events.name)
    read = permissions(service, WHOLE).read
    assert {each.name for each in WHOLE.exchanges if may(read, each.name)} == sources


@pytest.mark.parametrize("service", SERVICES)
def test_queues_of_events_are_those_of_the_service(service: str) -> None:
    rights = permissions(service, WHOLE)
    for reader, message in EVENTS:
        name = WHOLE.event_queue(reader, message).queue.name
        assert [may(each, name) for each in (rights.configure, rights.write, rights.read)] == (
            [reader == service] * 3
        )


def test_rights_last_when_other_channels_and_ladders_are_served() -> None:
    channels = with_ladder(served("email webhook"), Channel.EMAIL, parse_ladder("500ms,7s,3h"))
    for service in SERVICES:
        for spec in own_queues(service, Topology("hermodr", channels)):
            assert may(permissions(service, WHOLE).read, spec.queue.name)


def test_another_prefix_is_out_of_reach() -> None:
    for name in ("hermodr2.email.normal", "other.hermodr.email.normal", "hermodrxemail.normal", "amq.topic"):
        for service in SERVICES:
            rights = permissions(service, WHOLE)
            assert not any(may(each, name) for each in (rights.configure, rights.write, rights.read))


def test_a_service_without_messages_has_no_rights() -> None:
    with pytest.raises(KeyError):
        permissions("sandbox", WHOLE)


def test_names_of_users_say_whose_they_are() -> None:
    assert user_name("api", "hermodr") == "hermodr-api"
    assert user_name("api", "shop", "mails") == "shop-api@mails"
