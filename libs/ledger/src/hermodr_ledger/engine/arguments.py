"""The arguments of a statement that is put together as a text."""


class Arguments:
    """A statement's arguments; `first` are those that its fixed text names, `$1` and on."""

    def __init__(self, *first: object) -> None:
        self.arguments = list(first)

    def put(self, value: object) -> str:
        """One argument more; how the statement names it."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"
