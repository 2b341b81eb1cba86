"""Every page of the documentation, done as it says: `make test-docs`. Minutes, so no part of `make test`."""
