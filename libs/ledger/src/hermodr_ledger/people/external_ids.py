"""Ids that producers give to what is theirs."""


class ExternalIdTaken(Exception):
    """Another recipient or group of the project, or another update of the group, has the external id."""
