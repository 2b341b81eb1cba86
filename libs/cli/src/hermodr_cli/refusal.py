"""What ends a command with one line instead of a stack trace."""


class Refusal(Exception):
    """Something the user can mend: the text says what it is and what to do. The command ends with `status`."""

    def __init__(self, text: str, status: int = 1) -> None:
        self.status = status
        super().__init__(text)
