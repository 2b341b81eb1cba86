"""What becomes of a job: rules without any input or output, for the dispatcher that decides and the api that tells."""
