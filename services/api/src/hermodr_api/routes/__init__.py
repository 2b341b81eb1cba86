"""HTTP, translated."""
