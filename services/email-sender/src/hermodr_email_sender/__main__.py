"""`python -m hermodr_email_sender`."""

from hermodr_servicekit.process import run

from hermodr_email_sender.app import main

if __name__ == "__main__":
    run(main)
