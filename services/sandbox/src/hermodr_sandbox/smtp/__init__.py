"""The SMTP side: command grammar, one session per connection, listeners, certificates."""
