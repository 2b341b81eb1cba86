"""The commands that call the API, from anywhere: by way of the Python client, as every application does."""
