from hermodr_cli.remote.showing import since
from hermodr_client.models.operations import ApiKey, SigningKey


def holding(key: ApiKey | SigningKey) -> str:
    """Whether it holds, and until when, in words."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "holds"
    left = since(key.expires_at)
    return f"ends {left}" if left.startswith("in ") else "expired"
