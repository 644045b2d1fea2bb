"""A CPU-bound target that calls itself thirty deep by a grammar, so that a torn stack shows.

    recursion.py COUNTER [WORK]

Which function is called next is a bit of a number that changes every round: a stack put together from two moments soon
has a caller whose line calls `left` above a frame of `right`. COUNTER is a file of eight bytes whose number grows with
each round: how much the target gets done is read there, without asking it. compare.py knows the grammar from the
comments at the ends of the lines below. WORK is how many steps the innermost function takes: the fewer, the sooner a
stack is another one, down to a few microseconds.
"""

import mmap
import struct
import sys

DEPTH = 30
WORK = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


def leaf():
    for _ in range(WORK):
        pass


def left(depth, path):
    if depth == 0:
        return leaf()  # left -> leaf
    if path & 1:
        return right(depth - 1, path >> 1)  # left -> right
    return left(depth - 1, path >> 1)  # left -> left


def right(depth, path):
    if depth == 0:
        return leaf()  # right -> leaf
    if path & 1:
        return left(depth - 1, path >> 1)  # right -> left
    return right(depth - 1, path >> 1)  # right -> right


def run(counter):
    rounds = 0
    while True:
        # A multiplicative hash: consecutive rounds share few bits.
        left(DEPTH - 2, (rounds * 2654435761) & 0xFFFFFFFF)  # run -> left
        rounds += 1
        struct.pack_into("<Q", counter, 0, rounds)


with open(sys.argv[1], "r+b") as file:
    shared = mmap.mmap(file.fileno(), 8)
print("ready", flush=True)
run(shared)  # <module> -> run
