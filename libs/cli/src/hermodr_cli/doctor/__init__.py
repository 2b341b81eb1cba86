"""`hermodr doctor`: what is wrong with an installation, and what to do. Nothing is started or changed."""
