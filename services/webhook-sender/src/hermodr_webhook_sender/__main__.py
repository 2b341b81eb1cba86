from hermodr_servicekit.process import run
from hermodr_webhook_sender.app import main

if __name__ == "__main__":
    run(main)
