"""What the pretended providers of texts share: the way of a text that is well-formed, with what goes wrong on it."""

from collections.abc import Callable

from hermodr_sandbox.domain import phone_tags
from hermodr_sandbox.domain.faults import Provider, Reply, Stage
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols.trouble import Cut, Lied, Refusal, Wrong, step, suffer
from hermodr_sandbox.service import Sandbox


async def taken(
    sandbox: Sandbox,
    provider: Provider,
    sender: str,
    to: str,
    take: Callable[[], Text],
    *,
    broken: str = "Internal Server Error",
) -> Text:
    """`take` keeps the text. Raises `Refusal` or `Cut`, by the fault rules or by the digits of `to`; `broken`: how the
    provider says that something went wrong."""
    await step(sandbox, provider, Stage.MAIL, sender)
    await step(sandbox, provider, Stage.RCPT, sender, (to,))
    tags = sandbox.phone_tags
    if tags is not None and (status := tags.status(to)) is not None:
        suffer(Reply(code=status))
    trouble = tags.trouble(to) if tags is not None else None
    if trouble == phone_tags.CUT:
        raise Cut
    try:
        await step(sandbox, provider, Stage.AFTER_DATA, sender, (to,))
    except (Cut, Lied) as end:
        if end.stored:
            take()
        raise
    text = take()
    if trouble == phone_tags.TAKEN_AND_CUT:
        raise Cut
    if trouble == phone_tags.TAKEN_AND_BROKEN:
        raise Refusal(Wrong.BROKEN, broken)
    return text
