"""Which URLs given by users may be called: nothing inside our own network unless the operator allows it (SSRF)."""
