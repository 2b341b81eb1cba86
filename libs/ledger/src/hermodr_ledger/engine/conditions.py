"""What a statement is put together of: arguments, and conditions that stand in it only when they are asked for."""


class Arguments:
    """A statement's arguments; `first` are those that its fixed text names, `$1` and on."""

    def __init__(self, *first: object) -> None:
        self.arguments = list(first)

    def put(self, value: object) -> str:
        """One argument more; how the statement names it."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"


class Conditions(Arguments):
    """Conditions and the arguments they name: `f"… WHERE project_id = $1{conditions}"`.

    Each search has a text of its own, and with it a plan of its own index. `($2 IS NULL OR name = $2)` would have one
    plan for both cases (see `engine`), which can use no index for either.
    """

    def __init__(self, *first: object) -> None:
        super().__init__(*first)
        self._text = ""

    def add(self, condition: str, value: object) -> None:
        """`condition` holds too, with `value` for its `{}`; nothing is asked when that is `None`."""
        if value is not None:
            self._text += f" AND {condition.format(self.put(value))}"

    def __str__(self) -> str:
        return self._text
