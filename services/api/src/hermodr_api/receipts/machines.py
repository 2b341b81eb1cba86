"""Opens and clicks by machines: scanners of mail gateways follow every link before a person sees the mail."""

import re

# Names that products give themselves in their User-Agent; those that pretend to be a browser cannot be told. Proxies
# that fetch images when a person opens a mail (GoogleImageProxy, YahooMailProxy) are not among them.
_MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|scanner|barracuda|proofpoint|mimecast|messagelabs|forcepoint|trendmicro|symantec"
    r"|fortinet|ironport|cloudmark|safelinks|urldefense|linkcheck|link preview|headless|phantomjs|python-requests"
    r"|python-urllib|aiohttp|okhttp|go-http-client|curl/|wget/|java/|libwww|facebookexternalhit|slack-img",
    re.IGNORECASE,
)
_LONGEST = 1000


def is_machine(user_agent: object) -> bool:
    """Whether a User-Agent says so."""
    return isinstance(user_agent, str) and _MACHINES.search(user_agent[:_LONGEST]) is not None
