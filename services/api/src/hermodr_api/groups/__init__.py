"""Groups of recipients."""
