from __future__ import annotations


class UnsendableMessage(ValueError):
    """A message that no mail server could take as it is, and that must not be altered. `code` is a short machine code
    (`header_injection`, `bad_address`, …); `detail` is safe for logs."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")
