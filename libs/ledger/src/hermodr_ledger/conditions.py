"""Conditions that stand in a statement only when they are asked for."""


class Conditions:
    """Conditions and the arguments they name, in step: `f"… WHERE project_id = $1{conditions}"`.

    Each search has a text of its own, and with it a plan of its own index. `($2 IS NULL OR name = $2)` would have one
    plan for both cases (see `engine`), which can use no index for either.
    """

    def __init__(self, *arguments: object) -> None:
        self.arguments = list(arguments)
        """Those the rest of the statement names come first: `$1` and on."""
        self._text = ""

    def add(self, condition: str, value: object) -> None:
        """`condition` holds too, with `value` for its `{}`; nothing is asked when that is `None`."""
        if value is not None:
            self._text += f" AND {condition.format(self.argument(value))}"

    def argument(self, value: object) -> str:
        """One argument more; how the statement calls it."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def __str__(self) -> str:
        return self._text
