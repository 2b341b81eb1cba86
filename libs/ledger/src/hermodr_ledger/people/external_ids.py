"""External ids, given by producers."""


class ExternalIdTaken(Exception):
    """Another recipient or group of the project, or update of the group, has the external id."""
