from hermodr_sandbox.app import main
from hermodr_servicekit.process import run

if __name__ == "__main__":
    run(main)
