from pydantic import BaseModel, ConfigDict


class ReportedView(BaseModel):
    """How many events were `new`, were `known` before, are of mails that are not here (`unknown`), and tell nothing of
    a delivery (`ignored`)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"new": 2, "known": 0, "unknown": 1, "ignored": 0}]}
    )

    new: int
    known: int
    unknown: int
    ignored: int
