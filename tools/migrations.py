"""Migrations of a running installation hold no lock for as long as a table is big, and take nothing away that the
services of the release before still use. Standard library only; see ADR 0082.

Checked are files after `CHECKED_AFTER`. A statement that is right all the same has a comment before it or in it that
begins with `lock:` and says why (`-- lock: a row a project`). What takes something away raises `usable_from` in the
same file (ADR 0091), so that services that still use it do not start.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "libs/ledger/src/hermodr_ledger/migrations/versions"
CHECKED_AFTER = "0090"
EXCUSE = re.compile(r"\block:\s*\S", re.IGNORECASE)

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*')|(?P<dollars>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)|(?P<end>;)|.",
    re.DOTALL,
)
_NAME = r"(?:\w+\.)?(?P<name>\w+)"
_TABLE = r"(?P<table>(?:\w+\.)?\w+)"
_RAISED = re.compile(r"^UPDATE (?:hermodr\.)?schema_version SET usable_from = ''$", re.IGNORECASE)
_MADE = re.compile(rf"CREATE (?:UNLOGGED |TEMP(?:ORARY)? )?TABLE (?:IF NOT EXISTS )?{_NAME}", re.IGNORECASE)
_ALTERED = re.compile(
    rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_TABLE} (?P<actions>.*)", re.IGNORECASE | re.DOTALL
)
_CALL = re.compile(r"\bDEFAULT \(?(?!now\b|pg_current_xact_id\b)(?:\w+\.)?\w+ ?\(", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    line: int
    text: str
    """Without comments, spaces as one, texts and bodies of functions left out."""
    excused: bool


@dataclass(frozen=True)
class Rule:
    pattern: re.Pattern[str]
    complaint: str
    takes_away: bool = False


def _rule(pattern: str, complaint: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), complaint)


def _taking(pattern: str, complaint: str) -> Rule:
    """No reason excuses it, but that services which use it are kept out."""
    return Rule(re.compile(pattern, re.IGNORECASE), f"{complaint}: raise usable_from", takes_away=True)


RULES = (
    _rule(
        rf"^CREATE (?:UNIQUE )?INDEX (?!.*\bCONCURRENTLY\b).*?\bON (?:ONLY )?{_TABLE}",
        "nobody writes to {table} while the index is built; use index_while_in_use",
    ),
    _rule(r"\bINDEX CONCURRENTLY\b", "cannot run in a migration's transaction; use index_while_in_use"),
    _rule(rf"^UPDATE (?:ONLY )?{_TABLE}", "rows of {table} stay locked until the migration ends"),
    _rule(rf"^DELETE FROM (?:ONLY )?{_TABLE}", "rows of {table} stay locked until the migration ends"),
    _rule(
        rf"^WITH\b.*\b(?<!FOR )(?<!DO )(?:UPDATE|DELETE FROM) {_TABLE}",
        "rows of {table} stay locked until the migration ends",
    ),
    _taking(rf"^DROP TABLE (?:IF EXISTS )?{_TABLE}", "an older release uses {table}"),
    _rule(rf"^(?:LOCK|TRUNCATE)(?: TABLE)? {_TABLE}", "nobody else uses {table} meanwhile"),
    _rule(r"^(?:CLUSTER|REINDEX|VACUUM)\b", "nobody writes meanwhile"),
    _rule(r"^REFRESH MATERIALIZED VIEW (?!CONCURRENTLY)", "nobody reads it meanwhile"),
    _taking(
        r"^REVOKE\b(?!.*\bFROM PUBLIC$).*?\bON (?:TABLE )?(?P<table>(?:\w+\.)?\w+)",
        "an older release needs its right to {table}",
    ),
    _taking(r"^ALTER (?:VIEW|TYPE|FUNCTION) .*\bRENAME\b", "an older release uses the old name"),
)
"""About whole statements."""

ACTIONS = (
    _taking(r"^RENAME\b", "an older release uses the old name"),
    _taking(r"^DROP (?:COLUMN\b|(?!CONSTRAINT\b))", "an older release uses the column"),
    _rule(r"^ALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b", "{table} is written anew under a lock"),
    _rule(
        r"^ALTER (?:COLUMN )?\w+ SET NOT NULL\b",
        "all of {table} is read under a lock; validate a CHECK before",
    ),
    _rule(
        r"^ADD (?:CONSTRAINT \w+ )?(?:CHECK|FOREIGN KEY)\b(?!.*\bNOT VALID\b)",
        "all of {table} is read; NOT VALID",
    ),
    _rule(
        r"^ADD (?:CONSTRAINT \w+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\b(?!.*\bUSING INDEX\b)",
        "its index is built under a lock",
    ),
    _rule(r"^SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b", "{table} is written anew under a lock"),
)
"""About actions of ALTER TABLE."""

COLUMNS = (
    _rule(
        r"\bGENERATED\b.*\b(?:STORED|IDENTITY)\b|\b(?:BIG|SMALL)?SERIAL\b",
        "{table} is written anew under a lock",
    ),
    _rule(r"^(?!.*\bDEFAULT\b).*(?<!IS )\bNOT NULL\b", "rows of the release before leave the column out"),
    _rule(r"\b(?:UNIQUE|PRIMARY KEY|CHECK)\b", "{table} is read or indexed under a lock"),
)
"""About columns that are added."""


def complaints(sql: str) -> Iterator[tuple[int, str]]:
    """(line, complaint) for each statement of a migration that may keep a running installation waiting, or break it."""
    made: set[str] = set()
    not_valid: set[str] = set()
    all_of_it = list(statements(sql))
    raised = any(_RAISED.match(statement.text) for statement in all_of_it)
    for statement in all_of_it:
        made.update(name.lower() for name in _named(_MADE, statement.text))
        if _RAISED.match(statement.text):
            continue
        for rule, complaint in _about(statement.text, made, not_valid):
            excused = raised if rule is not None and rule.takes_away else statement.excused
            if not excused:
                yield statement.line, complaint


def _about(text: str, made: set[str], not_valid: set[str]) -> Iterator[tuple[Rule | None, str]]:
    altered = _ALTERED.match(text)
    if altered is None:
        for rule in RULES:
            if (found := rule.pattern.search(text)) and _bare(found.groupdict().get("table")) not in made:
                yield rule, rule.complaint.format(**found.groupdict())
        return
    table = _bare(altered["table"])
    if table in made:
        return
    for action in _actions(altered["actions"]):
        for rule in ACTIONS:
            if rule.pattern.search(action):
                yield rule, rule.complaint.format(table=table)
        if re.search(r"\bNOT VALID$", action, re.IGNORECASE):
            not_valid.add(table)
        if re.match(r"VALIDATE CONSTRAINT\b", action, re.IGNORECASE) and table in not_valid:
            yield (
                None,
                f"the lock of ADD … NOT VALID is held while all of {table} is read; validate in a later migration",
            )
        if re.match(r"ADD (?!(?:CONSTRAINT|CHECK|FOREIGN|UNIQUE|PRIMARY|EXCLUDE)\b)", action, re.IGNORECASE):
            if _CALL.search(action):
                yield None, f"a default that differs by row: {table} is written anew under a lock"
            for rule in COLUMNS:
                if rule.pattern.search(action):
                    yield rule, rule.complaint.format(table=table)


def statements(sql: str) -> Iterator[Statement]:
    """Blocks of `DO` are opened: what they do, the migration does."""
    text, excused, began, line = "", False, 0, 1
    for token in _TOKEN.finditer(sql):
        said = token[0]
        if token["end"]:
            if text.strip():
                yield Statement(began, " ".join(text.split()), excused)
            text, excused, began = "", False, 0
        elif token["comment"]:
            excused = excused or EXCUSE.search(said) is not None
            text += " "
        elif token["dollars"] and re.fullmatch(r"\s*DO\s*", text, re.IGNORECASE):
            for inner in statements(_block(said)):
                yield Statement(line + inner.line - 1, inner.text, inner.excused or excused)
            text = ""
        else:
            text += "''" if token["text"] or token["dollars"] else said
            began = began or (line if text.strip() else 0)
        line += said.count("\n")
    if text.strip():
        yield Statement(began, " ".join(text.split()), excused)


def _block(body: str) -> str:
    """Its statements alone: words of PL/pgSQL before one are ends of another."""
    inner = re.sub(r"^\$\w*\$|\$\w*\$$", "", body)
    return re.sub(r"\b(?:BEGIN|THEN|ELSE|LOOP|END|DECLARE|PERFORM)\b", ";", inner)


def _actions(text: str) -> list[str]:
    """Of an ALTER TABLE: what commas outside of brackets part."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [
        re.sub(r"^ADD COLUMN (?:IF NOT EXISTS )?", "ADD ", part.strip(), flags=re.IGNORECASE)
        for part in parts
    ]


def _named(pattern: re.Pattern[str], text: str) -> list[str]:
    return [found["name"] for found in pattern.finditer(text)]


def _bare(table: str | None) -> str:
    return (table or "").rpartition(".")[2].lower()


def checked(folder: Path) -> Iterator[str]:
    """A line for every complaint about the migrations in `folder`."""
    for script in sorted(folder.glob("[0-9]*.py")):
        if script.name[:4] <= CHECKED_AFTER:
            continue
        code = script.read_text(encoding="utf-8")
        if re.search(r"\bop\.", code):
            yield f"{script.name}: statements stand in the .sql file, where they can be checked"
        if "index_while_in_use(" in code and "execute_file(" in code:
            yield f"{script.name}: who is cut off begins anew: index_while_in_use needs a migration of its own"
        sql = script.with_suffix(".sql")
        if "index_while_in_use" not in code and sql.exists():
            for line, complaint in complaints(sql.read_text(encoding="utf-8")):
                yield f"{sql.name}:{line}: {complaint}; or say why not: `-- lock: …`"


def main() -> int:
    found = list(checked(FOLDER))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
