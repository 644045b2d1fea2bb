"""Channels: every dispatch of every consumer, its outcome, and the end of its instance.

`channels.utils.await_many_dispatch` is compiled again from its own source with a few things put in: its arguments pass
through `serve`, what is around its dispatch counts, and its end is told. Its frame, its file and its line numbers stay what they were, so that
tracebacks are the same, and no call in it needs a wrapper that would show up in them.
"""

import ast
import asyncio
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
    """The same function, which gives its arguments to `serve` first, counts around its `await dispatch(message)`, and tells its end."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    made = tree.body[0]
    callables, dispatch = [argument.arg for argument in made.args.args[:2]]
    inlined = Inline(callables, dispatch).into(made)
    frame = ast.parse(
        "def make(_loopscope_serve, _loopscope_ring):\n"
        " {0}, {1}, _loopscope, _loopscope_task = _loopscope_serve({0}, {1}, {2})\n"
        " try: pass\n"
        " except BaseException as _loopscope_error:\n"
        "  if _loopscope is not None: _loopscope.end(_loopscope_error)\n"
        "  raise\n".format(callables, dispatch, inlined)
    )
    make = frame.body[0]
    begin, body = make.body
    doc = 1 if ast.get_docstring(made) is not None else 0
    line = made.body[doc].lineno
    for statement in (begin, body):
        at_line(statement, line)
    body.body = made.body[doc:]
    made.body = made.body[:doc] + [begin, body]
    make.body = [made, ast.Return(ast.Name(made.name, ast.Load()))]
    ast.increment_lineno(made, function.__code__.co_firstlineno - 1)
    ast.fix_missing_locations(frame)
    names = {}
    exec(compile(frame, function.__code__.co_filename, "exec"), function.__globals__, names)
    result = names["make"](serve, ring.ring)
    result.__module__, result.__qualname__ = function.__module__, function.__qualname__
    if hasattr(result.__code__, "co_qualname"):
        # 3.11: a code object has its qualified name, and it must not say that it was made inside another.
        result.__code__ = result.__code__.replace(co_qualname=function.__code__.co_qualname)
    return result


def at_line(statement, line):
    for node in ast.walk(statement):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = line


class Inline(ast.NodeTransformer):
    """Puts the counting of a message like the one before into the dispatch loop itself: it runs for every message, and a call is
    dear there. Where the loop does not look like Channels' own (3 and 4), nothing is put in, and `serve` wraps what it calls."""

    AROUND = (
        "if _loopscope is not None:\n"
        " try:\n"
        "  _loopscope.steps += 1\n"
        "  _loopscope_ring.cells[_loopscope.progress] = _loopscope.steps\n"
        "  if {0}['type'] == _loopscope.usual: _loopscope.pending = _loopscope.usual_cell\n"
        "  else: _loopscope.special({0})\n"
        " except Exception: _loopscope.failed()\n",
        "if _loopscope is not None:\n"
        " try:\n"
        "  _loopscope.steps += 1\n"
        "  _loopscope_ring.cells[_loopscope.progress] = _loopscope.steps\n"
        "  if _loopscope.pending:\n"
        "   _loopscope_ring.cells[_loopscope.pending] += 1\n"
        "   _loopscope.pending = 0\n"
        "  else: _loopscope.returned()\n"
        " except Exception: _loopscope.failed()\n",
    )

    def __init__(self, callables, dispatch):
        self.callables, self.dispatch = callables, dispatch

    def into(self, function):
        """Whether it could be done: where there is one dispatch and no more."""
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == self.dispatch]
        found = [node for node in ast.walk(function) if self.is_dispatch(node)]
        if len(calls) != 1 or len(found) != 1:
            return False
        self.visit(function)
        return True

    def is_dispatch(self, node):
        """`await dispatch(message)`"""
        call = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await) else None
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == self.dispatch
            and len(call.args) == 1
            and isinstance(call.args[0], ast.Name)
        )

    def visit_Expr(self, node):
        if not self.is_dispatch(node):
            return self.generic_visit(node)
        before, after = [ast.parse(text.format(node.value.value.args[0].id)).body for text in self.AROUND]
        for statement in before + after:
            at_line(statement, node.lineno)
        return before + [node] + after

    def visit_Call(self, node):
        """`asyncio.ensure_future(...)`"""
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "ensure_future" and len(node.args) == 1:
            if isinstance(function.value, ast.Name) and function.value.id == "asyncio" and not node.keywords:
                node.func = ast.copy_location(ast.Name("_loopscope_task", ast.Load()), function)
        return node


def consumer_of(dispatch):
    """What a dispatch is bound to: a method's instance, or a synchronous consumer's as a partial's first argument."""
    bound = getattr(dispatch, "__self__", None)
    arguments = getattr(dispatch, "args", None)
    return bound if bound is not None else arguments[0] if arguments else None


def serve(callables, dispatch, is_inlined):
    """Begins to count an instance: what the dispatch loop is to call, what counts it, and what makes its tasks. What is no
    WebSocket's consumer is left as it is."""
    try:
        consumer = consumer_of(dispatch)
        scope = getattr(consumer, "scope", None)
        if not isinstance(scope, dict) or scope.get("type") != "websocket":
            return callables, dispatch, None, asyncio.ensure_future
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
        meter = Meter(connection, consumer, kind)
        for callable in callables:
            tasks.quiet(callable)
        if is_inlined:
            return callables, dispatch, meter, tasks.maker()
        return [meter.asking(callable) for callable in callables], meter.dispatching(dispatch), meter, asyncio.ensure_future
    except Exception:
        ring.count(ring.ERRORS)
        return callables, dispatch, None, asyncio.ensure_future


class Meter:
    """Counts the dispatches of one instance.

    The dispatch loop does so itself where a message is of the same type as the one before (`Inline`): four writes and one reading.
    """

    __slots__ = ("connection", "consumer", "kind", "row", "progress", "steps", "since", "entry", "last", "usual", "usual_cell", "pending")

    def __init__(self, connection, consumer, kind):
        self.connection, self.consumer, self.kind, self.row = connection, consumer, kind, connection.row
        self.progress = connection.row + I_PROGRESS
        self.steps = self.since = 0  # two steps a dispatch: odd within one
        # The counters, name and nature of the message being dispatched, and of the one before.
        self.entry = self.last = None
        # The type of message that is counted without further ado, and where its return is.
        self.usual, self.usual_cell = None, 0
        self.pending = 0  # that cell while such a message is being dispatched

    def failed(self):
        ring.count(ring.ERRORS)

    def special(self, message):
        """Another type than the last, a disconnect, whatever comes after one, or one of the first few."""
        cells, connection = ring.ring.cells, self.connection
        type_of_message = message["type"]
        entry = self.entry = self.kind.messages.get(type_of_message) or self.kind.message(type_of_message)
        if entry is not self.last:
            self.last, self.usual = entry, None
            cells[self.row + connections.I_LAST] = entry[1]
        if self.steps < 2 * connections.EVENTS:
            self.since = now()
        elif not entry[2] and not connection.disconnects:
            self.usual, self.usual_cell = type_of_message, entry[0] + connections.RETURNED
        if entry[2]:
            connection.disconnects += 1
            self.usual = None
            cells[self.kind.row + connections.DISCONNECTS] += 1
            cells[self.row + connections.I_DISCONNECTS] = connection.disconnects
            if connection.disconnects == 1:
                self.since = now()
                connection.code = message.get("code")
                # A server that we know says so itself, and did.
                if connection.protocol is None:
                    connection.closed(connection.code)
        if connection.disconnects > (1 if entry[2] else 0):
            cells[entry[0] + connections.AFTER_DISCONNECT] += 1

    def returned(self):
        """A dispatch that was begun in `special` has returned."""
        finished, self.entry = self.entry, None
        if finished is None:
            return
        try:
            ring.ring.cells[finished[0] + connections.RETURNED] += 1
            if self.since:
                self.tell(finished, connections.RETURNED)
            if finished[2]:
                kind, connection = self.kind, self.connection
                if not kind.is_located:
                    kind.is_located = True
                    stops.locate(kind, self.consumer, connection.stop)
                connection.stop = None
        except Exception:
            ring.count(ring.ERRORS)

    def tell(self, finished, outcome, error=None):
        """One of the few dispatches of an instance that are told in full."""
        memory, since, self.since = ring.ring, self.since, 0
        third = memory.name(error) if error else 0
        number = self.connection.number
        memory.event(connections.DISPATCHED, number, self.kind.id, finished[1], now() - since, third, outcome, since)

    def end(self, error):
        """The dispatch loop has ended, by what got out of a dispatch or by a cancellation."""
        try:
            connection = self.connection
            outcome, ending = fate(error, connection)
            name = type(error).__name__ if ending == connections.END_THREW else None
            finished, self.entry = self.last if self.pending else self.entry, None
            if finished is not None:
                cells = ring.ring.cells
                cells[finished[0] + outcome] += 1
                self.steps, self.pending = self.steps + 1, 0
                cells[self.progress] = self.steps
                self.since = self.since or (now() if outcome == connections.THREW else 0)
                if self.since:
                    self.tell(finished, outcome, name)
            connection.ended(ending, name)
            if connection.protocol is None and connection.disconnects:
                connection.closed(connection.code)
        except Exception:
            ring.count(ring.ERRORS)

    # Around what a dispatch loop calls that is not Channels' own.

    def dispatching(self, inner):
        def dispatch(message):
            try:
                self.steps += 1
                ring.ring.cells[self.progress] = self.steps
                self.special(message)
            except Exception:
                ring.count(ring.ERRORS)
            return inner(message)

        return dispatch

    def asking(self, receive):
        """A callable of the dispatch loop: called for the next message, so the last one's dispatch has returned."""

        def ask():
            if self.steps & 1:
                self.steps += 1
                ring.ring.cells[self.progress] = self.steps
                self.returned()
            return receive()

        return ask


def fate(error, connection):
    """How a dispatch ended, and with it its instance."""
    if isinstance(error, _StopConsumer):
        return connections.STOPPED, connections.END_STOPPED
    if isinstance(error, (_Cancelled, GeneratorExit)):
        from . import servers

        killed = servers.kills(connection)
        return connections.CANCELLED, connections.END_KILLED if killed else connections.END_CANCELLED
    return connections.THREW, connections.END_THREW
