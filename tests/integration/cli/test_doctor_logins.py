"""`hermodr doctor` says who the services are at the broker."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from hermodr_cli.doctor import broker_logins
from hermodr_cli.doctor.finding import Finding, State
from hermodr_contracts.topology import Topology
from hermodr_devkit.supervisor.broker_users import broker_users
from hermodr_servicekit.broker import Broker as Doorbell
from hermodr_servicekit.periodic import running
from tests.support.brokers import Broker
from tests.support.waiting import wait_until


async def test_who_the_services_are_at_the_broker(broker: Broker) -> None:
    """Each with a user of its own, or two as the administrator."""
    console = broker.management_url
    assert console is not None
    users = await broker_users(broker)
    topology, urls = Topology(broker.prefix), {"api": users["api"], "worker": users["worker"]}

    async def findings(urls: Mapping[str, str]) -> list[Finding]:
        services = [Doorbell(url, topology, name) for name, url in urls.items()]
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(running(service.run()))

            async def seen() -> list[Finding]:
                found = await broker_logins.examine(broker.amqp_url, console)
                return found if all(name in str(found) for name in urls) else []

            return await wait_until(seen, 20, "the console knows them")

    own = await findings(urls)
    assert [each.state for each in own] == [State.OK, State.OK]
    shared = await findings(dict.fromkeys(urls, urls["api"]))
    assert [(each.state, "is shared" in each.text) for each in shared] == [(State.WARNING, True)]
    operators = await findings(dict.fromkeys(urls, broker.amqp_url))
    assert [each.state for each in operators] == [State.WARNING]
    assert "may do anything" in operators[0].text


async def test_guest_is_warned_of_where_nobody_knows_the_services_users() -> None:
    guest = await broker_logins.examine("amqp://guest:guest@127.0.0.1:1/", None)
    assert [each.state for each in guest] == [State.WARNING]
    assert await broker_logins.examine("amqp://mine:x@127.0.0.1:1/", None) == []
