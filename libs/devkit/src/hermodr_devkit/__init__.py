"""What a clone needs and an operator does not: embedded servers, all services at once, the demo."""
