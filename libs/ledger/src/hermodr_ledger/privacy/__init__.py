"""The data of one person: exported or erased."""
