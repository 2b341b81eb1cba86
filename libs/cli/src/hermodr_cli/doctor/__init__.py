"""`hermodr doctor`: what is wrong with an installation. Starts and changes nothing."""
