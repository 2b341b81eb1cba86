"""Groups of which some commands speak to the database and others to the API: each is imported when it is called."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from hermodr_cli.lazy import Entry, LazyGroup


class KeyCommands(LazyGroup):
    entries: ClassVar[Mapping[str, Entry]] = {
        "create": Entry(
            "hermodr_cli.commands.keys:create_command",
            "Make an API key. It is shown once: only its hash is kept.",
        ),
        "list": Entry(
            "hermodr_cli.remote.api_keys:list_command",
            "The keys of the key's project, with their ends and last uses.",
        ),
        "rotate": Entry(
            "hermodr_cli.remote.api_keys:rotate_command", "A new key like this one; both hold for a while."
        ),
        "revoke": Entry(
            "hermodr_cli.remote.api_keys:revoke_command", "End a key now, or all that somebody made."
        ),
    }


keys = typer.Typer(help="API keys.", cls=KeyCommands, no_args_is_help=True)


@keys.callback()
def keys_group() -> None:
    """API keys."""


class TokenCommands(LazyGroup):
    entries: ClassVar[Mapping[str, Entry]] = {
        "create": Entry(
            "hermodr_cli.commands.tokens:create_command",
            "Make a token for an end user, signed with a key of the project, which is made if there is none.",
        ),
        "revoke": Entry(
            "hermodr_cli.remote.user_tokens:revoke_command", "Refuse all tokens that a user has got so far."
        ),
        "rules": Entry(
            "hermodr_cli.remote.user_tokens:rules_command", "What tokens of end users must be; change it."
        ),
        "keys": Entry(
            "hermodr_cli.remote.signing_keys:app", "Keys that tokens of end users are signed with."
        ),
    }


tokens = typer.Typer(help="Tokens of end users.", cls=TokenCommands, no_args_is_help=True)


@tokens.callback()
def tokens_group() -> None:
    """Tokens of end users."""
