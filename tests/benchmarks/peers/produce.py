"""python produce.py MODULE: gives work to a peer, a line of input each; answers each by a line.

FIRST LAST                 all at once: `MODULE.enqueue(numbers)`
FIRST LAST pace RATE TIME  at a steady rate, the first at TIME (seconds since the epoch)
FIRST LAST due GAP TIME    all at once, to be sent at TIME and every GAP seconds: `MODULE.schedule(numbers, moments)`
"""

import importlib
import sys
import time


def pace(enqueue, numbers, rate, start):
    for index, number in enumerate(numbers):
        time.sleep(max(0.0, start + index / rate - time.time()))
        enqueue(range(number, number + 1))


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        first, last, *how = line.split()
        numbers = range(int(first), int(last))
        if not how:
            module.enqueue(numbers)
        elif how[0] == "pace":
            pace(module.enqueue, numbers, float(how[1]), float(how[2]))
        else:
            gap, start = float(how[1]), float(how[2])
            module.schedule(numbers, [start + index * gap for index in range(len(numbers))])
        print("done", flush=True)
