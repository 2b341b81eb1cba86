import pytest

from hermodr_contracts.quotas import Limits, Quota, parse


def test_limits_are_read_as_they_are_written() -> None:
    assert parse(Quota.STORED_BYTES, "100GiB") == Limits().stored_bytes == 107_374_182_400
    assert parse(Quota.STORED_BYTES, "0") == 0
    assert parse(Quota.WAITING_JOBS, " 20000000 ") == Limits().waiting_jobs
    assert parse(Quota.SOCKETS, "off") is None


@pytest.mark.parametrize(
    ("quota", "text"),
    [
        (Quota.REQUESTS_PER_SECOND, "0"),
        (Quota.REQUESTS_PER_SECOND, "1000000000"),
        (Quota.BULKS_UNDER_WAY, "0"),
        (Quota.ACCEPTED_PER_DAY, "-1"),
        (Quota.ACCEPTED_PER_DAY, "1e6"),
        (Quota.ACCEPTED_PER_DAY, "5GiB"),
        (Quota.STORED_BYTES, "100GB"),
        (Quota.STORED_BYTES, "1000000TiB"),
        (Quota.SOCKETS, ""),
    ],
)
def test_odd_limits_are_refused(quota: Quota, text: str) -> None:
    with pytest.raises(ValueError, match="or off"):
        parse(quota, text)
