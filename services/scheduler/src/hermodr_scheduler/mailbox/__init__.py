"""The mailbox that bounces and complaints come to."""
