import subprocess
import sys

LEAVES_A_TASK = """
import asyncio
from hermodr_servicekit import process

async def second():
    try:
        await asyncio.sleep(60)
    finally:
        asyncio.get_running_loop().call_soon(print, "over")

async def first():
    try:
        await asyncio.sleep(60)
    finally:
        global kept
        kept = asyncio.get_running_loop().create_task(second())

async def main(stop):
    global kept
    kept = asyncio.create_task(first())
    await asyncio.sleep(0)

process.run(main)
"""


def test_what_a_library_left_running_and_what_that_begins_by_ending_ends_in_silence() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVES_A_TASK], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
