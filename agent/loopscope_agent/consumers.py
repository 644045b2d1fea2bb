"""Channels: every dispatch of every consumer, its outcome, and the end of its instance.

`channels.utils.await_many_dispatch` is compiled again from its own source with two things put in: its arguments pass
through `serve`, and its end is told to what `serve` gave for it. Its frame, its file and its line numbers stay what they were, so that
tracebacks are the same; and since a dispatch returns exactly when the loop asks for the next message, no call in it needs
a wrapper that would show up in them.
"""

import ast
import inspect
import sys
import textwrap

from . import cancels, connections, patches, ring, stops, tasks
from .connections import I_PROGRESS, Connection, Kind, current
from .ring import now

_StopConsumer = None
_Cancelled = None


def hook(module):
    """Puts the counting version of await_many_dispatch into channels.utils, which channels.consumer imports it from."""
    global _StopConsumer, _Cancelled
    from asyncio import CancelledError

    from channels.exceptions import StopConsumer

    _StopConsumer, _Cancelled = StopConsumer, CancelledError
    cancels.install()
    patches.put(module, "await_many_dispatch", counting(module.await_many_dispatch))
    for name, loaded in list(sys.modules.items()):
        # Whoever has it already: only where channels.utils was imported before us.
        if name == "channels.consumer" and hasattr(loaded, "await_many_dispatch"):
            patches.put(loaded, "await_many_dispatch", module.await_many_dispatch)


def counting(function):
    """The same function, which gives its arguments to `serve` first and tells its end."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    made = tree.body[0]
    callables, dispatch = [argument.arg for argument in made.args.args[:2]]
    frame = ast.parse(
        "def make(_loopscope_serve):\n"
        " {0}, {1}, _loopscope_end = _loopscope_serve({0}, {1})\n"
        " try: pass\n"
        " except BaseException as _loopscope_error:\n"
        "  if _loopscope_end is not None: _loopscope_end(_loopscope_error)\n"
        "  raise\n".format(callables, dispatch)
    )
    make = frame.body[0]
    begin, body = make.body
    doc = 1 if ast.get_docstring(made) is not None else 0
    line = made.body[doc].lineno
    for statement in (begin, body):
        for node in ast.walk(statement):
            if hasattr(node, "lineno"):
                node.lineno = node.end_lineno = line
    body.body = made.body[doc:]
    made.body = made.body[:doc] + [begin, body]
    make.body = [made, ast.Return(ast.Name(made.name, ast.Load()))]
    ast.increment_lineno(made, function.__code__.co_firstlineno - 1)
    ast.fix_missing_locations(frame)
    names = {}
    exec(compile(frame, function.__code__.co_filename, "exec"), function.__globals__, names)
    result = names["make"](serve)
    result.__module__, result.__qualname__ = function.__module__, function.__qualname__
    if hasattr(result.__code__, "co_qualname"):
        # 3.11: a code object has its qualified name, and it must not say that it was made inside another.
        result.__code__ = result.__code__.replace(co_qualname=function.__code__.co_qualname)
    return result


def consumer_of(dispatch):
    """What a dispatch is bound to: a method's instance, or a synchronous consumer's as a partial's first argument."""
    bound = getattr(dispatch, "__self__", None)
    arguments = getattr(dispatch, "args", None)
    return bound if bound is not None else arguments[0] if arguments else None


def serve(callables, dispatch):
    """Begins to count an instance. What is no WebSocket's consumer is left as it is."""
    try:
        consumer = consumer_of(dispatch)
        scope = getattr(consumer, "scope", None)
        if not isinstance(scope, dict) or scope.get("type") != "websocket":
            return callables, dispatch, None
        connection = current.get()
        if connection is None or connection.kind is not None:
            # A server that we do not know, or a communicator of a test.
            connection = Connection(scope)
            current.set(connection)
        kind = Kind.of(type(consumer))
        connection.started(kind, id(consumer), 1 + len(callables))
        connection.consumer = consumer
        channel = getattr(consumer, "channel_name", None)
        if channel is not None:
            from . import groups

            groups.serve(consumer, channel, connection)
        return meter(connection, consumer, kind, callables, dispatch)
    except Exception:
        ring.count(ring.ERRORS)
        return callables, dispatch, None


def meter(connection, consumer, kind, callables, inner):
    """Counts the dispatches of one instance: what the dispatch loop is to call instead, and what to tell its end.

    Closures and local numbers, because this runs for every message: three writes and one reading where nothing special
    happens, which is where a message is of the same type as the one before.
    """
    memory, messages, row = ring.ring, kind.messages, connection.row
    progress = row + I_PROGRESS
    steps = since = 0  # two steps a dispatch: odd within one
    entry = last = None  # the counters, name and nature of the message being dispatched, and of the one before
    usual, usual_cell = None, 0  # the type of message that is counted without further ado, and where its return is
    pending = 0  # that cell while such a message is being dispatched

    def dispatch(message):
        nonlocal steps, pending
        try:
            steps += 1
            memory.cells[progress] = steps
            if message["type"] == usual:
                pending = usual_cell
            else:
                special(message)
        except Exception:
            ring.count(ring.ERRORS)
        return inner(message)

    def special(message):
        """Another type than the last, a disconnect, whatever comes after one, or one of the first few."""
        nonlocal entry, last, since, usual, usual_cell
        cells = memory.cells
        type_of_message = message["type"]
        entry = messages.get(type_of_message) or kind.message(type_of_message)
        if entry is not last:
            last, usual = entry, None
            cells[row + connections.I_LAST] = entry[1]
        if steps < 2 * connections.EVENTS:
            since = now()
        elif not entry[2] and not connection.disconnects:
            usual, usual_cell = type_of_message, entry[0] + connections.RETURNED
        if entry[2]:
            connection.disconnects += 1
            usual = None
            cells[kind.row + connections.DISCONNECTS] += 1
            cells[row + connections.I_DISCONNECTS] = connection.disconnects
            if connection.disconnects == 1:
                since = now()
                connection.code = message.get("code")
                # A server that we know says so itself, and did.
                if connection.protocol is None:
                    connection.closed(connection.code)
        if connection.disconnects > (1 if entry[2] else 0):
            cells[entry[0] + connections.AFTER_DISCONNECT] += 1

    def returned():
        nonlocal entry, since
        finished, entry = entry, None
        cells = memory.cells
        cells[finished[0] + connections.RETURNED] += 1
        if since:
            tell(finished, connections.RETURNED)
        if finished[2]:
            if not kind.is_located:
                kind.is_located = True
                stops.locate(kind, consumer, connection.stop)
            connection.stop = None

    def asking(receive):
        """A callable of the dispatch loop: called for the next message, so the last one's dispatch has returned."""
        tasks.quiet(receive)

        def ask():
            nonlocal steps, pending
            if steps & 1:
                try:
                    steps += 1
                    cells = memory.cells
                    cells[progress] = steps
                    if pending:
                        cells[pending] += 1
                        pending = 0
                    elif entry is not None:
                        returned()
                except Exception:
                    ring.count(ring.ERRORS)
            return receive()

        return ask

    def tell(finished, outcome, error=None):
        """One of the few dispatches of an instance that are told in full."""
        nonlocal since
        third = memory.name(error) if error else 0
        memory.event(
            connections.DISPATCHED, connection.number, kind.id, finished[1], now() - since, third, outcome, since
        )
        since = 0

    def end(error):
        """The dispatch loop has ended, by what got out of a dispatch or by a cancellation."""
        nonlocal entry, since, steps, pending
        try:
            outcome, ending = fate(error, connection)
            name = type(error).__name__ if ending == connections.END_THREW else None
            finished, entry = last if pending else entry, None
            if finished is not None:
                memory.cells[finished[0] + outcome] += 1
                steps, pending = steps + 1, 0
                memory.cells[progress] = steps
                since = since or (now() if outcome == connections.THREW else 0)
                if since:
                    tell(finished, outcome, name)
            connection.ended(ending, name)
            if connection.protocol is None and connection.disconnects:
                connection.closed(connection.code)
        except Exception:
            ring.count(ring.ERRORS)

    return [asking(callable) for callable in callables], dispatch, end


def fate(error, connection):
    """How a dispatch ended, and with it its instance."""
    if isinstance(error, _StopConsumer):
        return connections.STOPPED, connections.END_STOPPED
    if isinstance(error, (_Cancelled, GeneratorExit)):
        from . import servers

        killed = servers.kills(connection)
        return connections.CANCELLED, connections.END_KILLED if killed else connections.END_CANCELLED
    return connections.THREW, connections.END_THREW
