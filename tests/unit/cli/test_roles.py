import shlex

from hermodr_cli.commands.roles import broker_commands
from hermodr_contracts.broker_rights import SERVICES


def test_commands_for_a_broker_that_others_administer() -> None:
    """No password is an argument: rabbitmqctl asks for it."""
    printed = [shlex.split(line) for line in broker_commands("amqp://root:SECRET@broker/mails", "shop")]
    assert len(printed) == 2 * len(SERVICES)
    assert printed[0] == ["rabbitmqctl", "add_user", "shop-api@mails"]
    command, verb, _, vhost, user, *patterns = printed[1]
    assert (command, verb, vhost, user) == ("rabbitmqctl", "set_permissions", "mails", "shop-api@mails")
    assert len(patterns) == 3
    assert all(r"shop\.events" in pattern for pattern in patterns)
    assert "SECRET" not in str(printed)
