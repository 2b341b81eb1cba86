"""Measurements. The peers, the other scenarios and the report come with issue 3."""
