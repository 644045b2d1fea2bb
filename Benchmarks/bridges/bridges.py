"""What one async_to_sync call costs where no event loop runs: by itself, with a shared thread, and inside one bridge.

CPU time per call, median of forty requests of twenty calls each, the three ways taken in turn.
"""

import asyncio
import json
import resource
import statistics
import sys

from asgiref import sync


async def lookup(number):
    await asyncio.sleep(0)
    return number


def bridge_per_call(calls):
    for number in range(calls):
        sync.async_to_sync(lookup)(number)


def shared_thread(calls):
    with sync.AsyncSingleThreadContext():
        bridge_per_call(calls)


def one_bridge(calls):
    async def everything():
        for number in range(calls):
            await lookup(number)

    sync.async_to_sync(everything)()


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(calls=20, rounds=40):
    ways = [bridge_per_call, shared_thread, one_bridge]
    times = {way.__name__: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            start = processor_time()
            way(calls)
            times[way.__name__].append((processor_time() - start) / calls * 1e6)
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    print(json.dumps({"python": sys.version.split()[0], "cpu_us_per_call": medians}))


main()
