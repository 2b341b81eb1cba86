"""Arguments of a statement that is built as text."""


class Arguments:
    """`first`: the arguments that its fixed text names, from `$1` on."""

    def __init__(self, *first: object) -> None:
        self.arguments = list(first)

    def put(self, value: object) -> str:
        """Adds an argument and returns its placeholder."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"
