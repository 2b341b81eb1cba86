class Refusal(Exception):
    """Something the user can fix: the text says what and how. The command ends with `status`."""

    def __init__(self, text: str, status: int = 1) -> None:
        self.status = status
        super().__init__(text)
