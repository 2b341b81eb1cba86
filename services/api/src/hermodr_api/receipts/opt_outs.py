"""Words by which people say that they want no texts any more, or want them again. A whole answer, not a part of one.

English: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out (default keywords).
Other languages: the words that carriers there ask for.
"""

import unicodedata

STOP = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("stopp", "abmelden", "abbestellen", "ende"),  # German
        *("arret", "arreter", "desabonner", "desinscrire"),  # French
        *("alto", "parar", "baja", "cancelar", "detener"),  # Spanish, Portuguese
        *("sair", "remover"),  # Portuguese
        *("ferma", "fermare", "basta", "disiscrivi"),  # Italian
        *("stoppen", "afmelden"),  # Dutch
        *("stoppa", "avsluta", "lopeta", "rezygnuje"),  # Swedish, Finnish, Polish
    }
)
START = frozenset(
    {"start", "unstop", "yes", "anmelden", "inscription", "alta", "iniciar", "inizia", "aanmelden"}
)
_LONGEST = 40


def meaning(text: str) -> bool | None:
    """`True`: stop; `False`: start again; `None`: something else. Case, accents and punctuation do not count."""
    if len(text) > _LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text.casefold())
    word = "".join(each for each in plain if each.isalnum())
    return True if word in STOP else False if word in START else None
