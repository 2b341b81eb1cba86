from typing import Annotated

import typer

from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import plain, show_document

NONE = "none"


def revoke_command(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id, the sub of the tokens.")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Refuse all tokens that a user has got so far."""
    with calling(url, key) as hermodr:
        revoked = hermodr.user_tokens.revoke(user)
    if as_json:
        show_document(revoked)
        return
    print(
        f"tokens with an iat before {revoked.revoked_at:%Y-%m-%dT%H:%M:%SZ} are refused, within 5 s everywhere"
    )


def rules_command(
    lifetime: Annotated[
        str | None, typer.Option(help="The longest from iat to exp, such as 12h; none: 24h.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="What iss must be; none: the installation's.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="What aud must have; none: the installation's.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """What tokens of end users must be; change it."""
    given = {"lifetime": lifetime, "issuer": issuer, "audience": audience}
    changes = {name: None if value == NONE else value for name, value in given.items() if value is not None}
    with calling(url, key) as hermodr:
        rules = hermodr.user_tokens.change_rules(**changes) if changes else hermodr.user_tokens.rules()
    if as_json:
        show_document(rules)
        return
    print(f"lifetime  {rules.lifetime} at most")
    for name, value in (("issuer", rules.issuer), ("audience", rules.audience)):
        print(f"{name:<9} {plain(value) if value is not None else 'as the installation says'}")
