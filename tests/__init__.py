"""Tests in tiers, cheapest first: unit and contracts without servers, integration with, e2e with every service."""
