"""The HTTP side: translates requests to `service.Sandbox` and back."""
