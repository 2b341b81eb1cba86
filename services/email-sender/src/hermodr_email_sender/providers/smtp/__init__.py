"""SMTP: sessions in a pool, and what a server's replies mean."""
