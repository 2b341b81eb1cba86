"""python produce.py MODULE: `MODULE.enqueue(numbers)` for each line `FIRST LAST` of the input, answered by a line."""

import importlib
import sys

if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        module.enqueue(range(first, last))
        print("done", flush=True)
