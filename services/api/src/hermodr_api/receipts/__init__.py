"""What providers report about mails afterwards."""
