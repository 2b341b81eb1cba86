"""The dashboards of Hermodr as code; `tools/dashboards.py` writes them as JSON."""
