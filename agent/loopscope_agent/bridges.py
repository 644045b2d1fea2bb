"""Event loops, threads and requests: what a call of async_to_sync costs under WSGI."""

import functools
import sys

from . import connections, patches, ring, tasks

_is_installed = False


def install():
    """Counts the loops and threads that are made from now on; once."""
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    import asyncio
    import threading

    loops(asyncio)
    threads(threading)


def loops(module):
    original = module.events.new_event_loop

    @functools.wraps(original)
    def new_event_loop():
        loop = original()
        ring.count(ring.LOOPS)
        return loop

    patches.put(module.events, "new_event_loop", new_event_loop)
    patches.put(module, "new_event_loop", new_event_loop)


def threads(module):
    original = module.Thread.start

    @functools.wraps(original)
    def start(self):
        original(self)
        ring.count(ring.THREADS)

    patches.put(module.Thread, "start", start)


def asgiref(module):
    """Calls across the bridge; one from a thread that has no loop to go back to makes a loop, and its site is told.

    AsyncToSync.__call__ makes its main_wrap in the calling thread: hooked there, no frame of ours stands between
    asgiref's and the application's.
    """
    main_wrap, to_async, local = module.AsyncToSync.main_wrap, module.SyncToAsync.__call__, module.SyncToAsync.threadlocal

    @functools.wraps(main_wrap)
    def wrap(self, *arguments, **options):
        try:
            ring.count(ring.TO_SYNC)
            if getattr(local, "main_event_loop", None) is None or self.force_new_loop:
                tell(sys._getframe(1))
        except Exception:
            ring.count(ring.ERRORS)
        return main_wrap(self, *arguments, **options)

    memory, to_async_calls = ring.ring, ring.TO_ASYNC

    @functools.wraps(to_async)
    def call(self, *arguments, **options):
        memory.cells[to_async_calls] += 1
        return to_async(self, *arguments, **options)

    patches.put(module.AsyncToSync, "main_wrap", tasks.marked(wrap))
    patches.put(module.SyncToAsync, "__call__", tasks.marked(call))
    install()


def tell(frame):
    """Who made a call that made a loop: the innermost frame that is not the library's."""
    while frame is not None and "/asgiref/" in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return
    code = frame.f_code
    name = ring.ring.name(getattr(code, "co_qualname", code.co_name))
    ring.ring.event(connections.BRIDGE, 0, name, ring.ring.name(code.co_filename), frame.f_lineno)


def wsgi(module):
    original = module.WSGIHandler.__call__

    @functools.wraps(original)
    def __call__(self, environ, start_response):
        ring.count(ring.REQUESTS)
        return original(self, environ, start_response)

    patches.put(module.WSGIHandler, "__call__", __call__)
    install()
