"""What counts texts, by the settings."""

from hermodr_api.previews.counting import Counting
from hermodr_contracts.providers import SMS_PROVIDERS, channels_of
from hermodr_contracts.vocabulary import Channel
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.text_prices import prices_of


def counting_of(variable: str, providers: str | None, most_segments: int) -> Counting:
    """`providers`: the DSNs of `variable`, whose prices it counts with. Ends the process with `refuse` if they make no
    sense."""
    texts = " ".join(each for each in (providers or "").split() if Channel.SMS in channels_of(each))
    try:
        prices = prices_of(variable, texts, SMS_PROVIDERS) if texts else ()
    except ProviderConfigError as error:
        refuse(str(error))
    return Counting(most_segments, prices)
