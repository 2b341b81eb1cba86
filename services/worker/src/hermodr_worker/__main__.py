"""`python -m hermodr_worker`."""

from hermodr_servicekit.process import run
from hermodr_worker.app import main

if __name__ == "__main__":
    run(main)
