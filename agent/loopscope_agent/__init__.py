"""loopscope's agent: counts what an ASGI server and Django Channels do, into shared memory that loopscope reads.

It never blocks, never raises into the application and adds no frame to its tracebacks: hooks are plain functions that
return the coroutine they were asked for. What it cannot count it does not guess. CPython 3.8 to 3.15, no dependency.
docs/agent.md says what it does to a process, docs/formats/agent-ring.md what it writes.
"""

import os
import sys

from . import imports, patches, ring


def check():
    """Raises where nothing can be counted."""
    if sys.version_info < (3, 8):
        raise RuntimeError("CPython 3.8 or later is needed, this is %d.%d" % sys.version_info[:2])
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise RuntimeError("free-threaded CPython is not supported: counters would race")


def start(folder):
    """Prepares this interpreter: nothing is opened before a module that is counted is imported."""
    check()
    ring.ring.folder = folder
    os.register_at_fork(after_in_child=ring.ring.reopen)
    imports.install()


def join(folder):
    """Begins to count in an interpreter that runs already, from the next connection on."""
    check()
    if ring.ring.folder is not None:
        raise RuntimeError("it is counted already, in %s: attach --agent" % ring.ring.folder)
    ring.ring.folder = folder
    fork = os.fork

    def forked():
        child = fork()
        if child == 0:
            ring.ring.reopen()
        return child

    # What is registered with os.register_at_fork stays for ever.
    patches.put(os, "fork", forked)
    imports.install()
    if imports.adopt() == 0:
        leave()
        raise RuntimeError("it has imported nothing that the agent knows: uvicorn, hypercorn, daphne, Channels, Django")
    from . import servers

    servers.adopt()


def leave():
    """Puts everything back. Connections that were counted hold what counted them until they end; it then goes with them."""
    patches.undo()
    ring.ring.close()
    for name in [name for name in sys.modules if name.partition(".")[0] == __name__]:
        del sys.modules[name]
