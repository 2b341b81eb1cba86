"""Addresses that end users change: asked for, confirmed by who reads there, and told to the old one."""
