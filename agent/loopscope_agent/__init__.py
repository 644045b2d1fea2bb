"""loopscope's agent: counts what an ASGI server and Django Channels do, into shared memory that loopscope reads.

It never blocks, never raises into the application and adds no frame to its tracebacks: hooks are plain functions that
return the coroutine they were asked for. What it cannot count it does not guess. CPython 3.8 to 3.14, no dependency.
docs/agent.md says what it does to a process, docs/formats/agent-ring.md what it writes.
"""

import os
import sys

from . import imports, ring


def start(folder):
    """Prepares this interpreter: nothing is opened before a module that is counted is imported."""
    if sys.version_info < (3, 8):
        raise RuntimeError("CPython 3.8 or later is needed, this is %d.%d" % sys.version_info[:2])
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise RuntimeError("free-threaded CPython is not supported: counters would race")
    ring.ring.folder = folder
    os.register_at_fork(after_in_child=ring.ring.reopen)
    imports.install()
