"""Senders: whom mails may be from."""
