"""Where a cancellation was swallowed: the function and the handler that kept a task of a consumer, or the consumer's own, from ending.

A CancelledError that is made for a task of a connection after its disconnect is kept for a moment. If the task is still there
then, the error's own traceback says who caught it: the outermost frame that it reached. Once for each class, without tracing.
That the server's task of the application was cancelled is known from 3.11 on, where tasks count that.
"""

import asyncio

from . import patches, ring, stops
from .connections import current

# Seconds that a task may take to clean up.
GRACE = 1.5
# Cancellations of one connection that are looked into.
MOST = 8

_is_installed = False


def install():
    """Notes each CancelledError that is made, from now on; once."""
    global _is_installed
    if _is_installed:
        return
    _is_installed = True

    def __init__(self, *arguments):
        connection = current.get()
        # Tasks that are no connection's own, and cancellations before its end, are the application's business.
        if connection is not None and connection.disconnects and (connection.live or is_cancelled(connection.task)):
            note(connection, self)

    patches.put(asyncio.CancelledError, "__init__", __init__)


def is_cancelled(task):
    """Whether somebody has asked a task to end, and it has not been told to go on since."""
    cancelling = getattr(task, "cancelling", None)  # 3.11
    return cancelling is not None and cancelling() > 0


def note(connection, error):
    try:
        if connection.cancels < MOST and connection.kind is not None and not connection.kind.has_caught:
            connection.cancels += 1
            asyncio.get_running_loop().call_later(GRACE, look, connection, error)
    except Exception:
        ring.count(ring.ERRORS)


def look(connection, error):
    """The task should have ended by now. One that was cancelled and runs on has caught the error somewhere."""
    try:
        trace, kind = error.__traceback__, connection.kind
        if trace is None or kind.has_caught or "/asyncio/" in trace.tb_frame.f_code.co_filename:
            return
        served = (connection.task,) if is_cancelled(connection.task) else ()
        for task in (*connection.live, *served):
            if not task.done() and has_caught(task, trace.tb_frame, connection):
                kind.has_caught = True
                stops.tell(kind, trace, type(error), 1)
                return
    except Exception:
        ring.count(ring.ERRORS)


def has_caught(task, frame, connection):
    """Whether this frame of this task, or of a coroutine that it awaited, is where its own cancellation went no further."""
    cancelling = getattr(task, "cancelling", None)  # 3.11
    if cancelling is not None and cancelling() == 0:
        return False  # it awaited something else that was cancelled, or has been told to go on (asyncio.timeout)
    frames = list(frames_of(task.get_coro()))
    if any(one is frame for one in frames):
        return True
    # A helper that has returned since; the first frame of a task is where an error leaves it.
    return cancelling is not None and frame.f_code not in connection.roots


def frames_of(coroutine):
    """The frames of a coroutine and of what it awaits."""
    for _ in range(100):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
