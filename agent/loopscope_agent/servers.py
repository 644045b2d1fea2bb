"""The server's boundary: connections opened, accepted, refused and gone, and requests.

The application a server has loaded is put behind `Boundary`, which returns the application's own coroutine; that a socket
is gone is told by the server's own protocol class. uvicorn 0.20 to 0.54, hypercorn 0.16 to 0.18, daphne 4.
"""

import asyncio
import functools

from . import bridges, connections, imports, patches, ring, tasks
from .connections import Connection, current

# id of a protocol object -> its connection, until the protocol says that it is gone.
_open = {}
_is_stopping = False


def kills(connection):
    """Whether a cancellation of this connection's application means that its server lost patience (daphne)."""
    killer = getattr(connection.protocol, "loopscope_kills", False)
    return killer and connection.state == connections.GONE and not _is_stopping


class Boundary:
    """The application as its server calls it."""

    def __init__(self, application):
        self.application = application
        # By now the application is imported.
        imports.adopt()

    def __call__(self, scope, receive, send):
        try:
            kind = scope["type"]
            if kind == "websocket":
                receive, send = self.connect(scope, receive, send)
            elif kind == "http":
                ring.count(ring.REQUESTS)
        except Exception:
            ring.count(ring.ERRORS)
        return self.application(scope, receive, send)

    def connect(self, scope, receive, send):
        loop = asyncio.get_event_loop()
        tasks.watch(loop)
        protocol = protocol_of(receive, send)
        connection = Connection(scope, protocol)
        if protocol is not None:
            _open[id(protocol)] = connection
        current.set(connection)
        task = asyncio.current_task()
        if task is not None and not getattr(protocol, "loopscope_kills", False):
            connection.task = task
            task.add_done_callback(functools.partial(application_ended, connection))
        return receive, counted_send(connection, send)


def application_ended(connection, task):
    """The server's task of the application is done. What uvicorn has caught and logged is not in it: then it is unknown."""
    if task.cancelled():
        end = connections.END_KILLED if kills(connection) else connections.END_CANCELLED
        connection.application_ended(end)
    else:
        connection.application_ended(connections.END_RETURNED)


def protocol_of(receive, send):
    """The server's own object for the connection, which its callables are bound to; None for servers that we do not know."""
    for callable in (send, receive):
        owner = getattr(callable, "__self__", None)
        if isinstance(callable, functools.partial) and callable.args:
            owner = callable.args[0]  # daphne: partial(Server.handle_reply, protocol)
        if getattr(type(owner), "loopscope_tells", False):
            return owner
    return None


def counted_send(connection, send):
    """`send` of one connection. A coroutine of our own only for the answer to the handshake, which counts when it is given."""
    memory, sends = ring.ring, 0

    def counted(message):
        nonlocal sends
        try:
            kind = message["type"]
            if kind == "websocket.send":
                sends += 1
                memory.cells[connection.sends] = sends
            elif kind == "websocket.accept":
                return answer(message, connection.accepted)
            elif kind == "websocket.close":
                if connection.state == connections.HANDSHAKE:
                    return answer(message, functools.partial(connection.rejected, 403))
                connection.closing()
            elif kind == "websocket.http.response.start":
                return answer(message, functools.partial(connection.rejected, int(message["status"])))
        except Exception:
            ring.count(ring.ERRORS)
        return send(message)

    async def answer(message, count):
        await send(message)
        count()

    if not getattr(connection.protocol, "loopscope_kills", False):
        return tasks.marked(counted)

    def replied(_, message):
        return counted(message)

    # daphne's own holds the protocol, as this one does: whoever looks for the connection finds it.
    return tasks.marked(functools.partial(tasks.marked(replied), connection.protocol))


def tells(protocol, method, before=False):
    """Has a protocol class tell when its socket is gone: `method` is called then."""
    original = getattr(protocol, method)

    @functools.wraps(original)
    def told(self, *arguments, **options):
        try:
            connection = _open.pop(id(self), None)
            if connection is not None:
                code = getattr(self, "close_code", None)
                connection.closed(code if isinstance(code, int) else None)
        except Exception:
            ring.count(ring.ERRORS)
        return original(self, *arguments, **options)

    patches.put(protocol, method, told)
    patches.put(protocol, "loopscope_tells", True)


def uvicorn(module):
    original = module.Config.load

    @functools.wraps(original)
    def load(self):
        original(self)
        self.loaded_app = Boundary(self.loaded_app)

    patches.put(module.Config, "load", load)
    bridges.install()


def uvicorn_websockets(module):
    tells(module.WebSocketProtocol, "connection_lost")


def uvicorn_wsproto(module):
    tells(module.WSProtocol, "connection_lost")


def uvicorn_sansio(module):
    tells(module.WebSocketsSansIOProtocol, "connection_lost")


def hypercorn(module):
    original = module.ASGIWrapper.__init__

    @functools.wraps(original)
    def __init__(self, app):
        original(self, Boundary(app))

    patches.put(module.ASGIWrapper, "__init__", __init__)
    bridges.install()


def hypercorn_stream(module):
    """WSStream.handle takes StreamClosed when the socket is gone (hypercorn/protocol/events.py)."""
    stream = module.WSStream
    original = stream.handle

    @functools.wraps(original)
    async def handle(self, event):
        if type(event).__name__ == "StreamClosed":
            connection = _open.pop(id(self), None)
            if connection is not None:
                connection.closed(None)
        await original(self, event)

    patches.put(stream, "handle", handle)
    patches.put(stream, "loopscope_tells", True)


def daphne(module):
    """The application runs in a task that Server.create_application makes: connections are known by their protocol there."""
    server = module.Server
    create, kill, begin = server.create_application, server.kill_all_applications, server.__init__

    @functools.wraps(begin)
    def __init__(self, application, *arguments, **options):
        begin(self, Boundary(application), *arguments, **options)

    @functools.wraps(create)
    def create_application(self, protocol, scope):
        before = current.get()
        queue = create(self, protocol, scope)
        connection = current.get()
        current.set(before)
        task = self.connections.get(protocol, {}).get("application_instance")
        if connection is not before and task is not None:
            connection.task = task
            task.add_done_callback(functools.partial(application_ended, connection))
        return queue

    @functools.wraps(kill)
    def kill_all_applications(self):
        global _is_stopping
        _is_stopping = True
        return kill(self)

    patches.put(server, "__init__", __init__)
    patches.put(server, "create_application", create_application)
    patches.put(server, "kill_all_applications", kill_all_applications)
    bridges.install()


def daphne_protocol(module):
    tells(module.WebSocketProtocol, "onClose")
    patches.put(module.WebSocketProtocol, "loopscope_kills", True)


# Where a server that runs already keeps its application: module, class, attribute.
PLACES = (
    ("uvicorn.config", "Config", "loaded_app"),
    ("hypercorn.app_wrappers", "ASGIWrapper", "app"),
    ("daphne.server", "Server", "application"),
)


def adopt():
    """Puts the boundary around the applications of servers that run already: their next connections go through it."""
    import gc
    import sys

    known = [(getattr(sys.modules[module], name), place) for module, name, place in PLACES if module in sys.modules]
    for thing in gc.get_objects() if known else ():
        for kind, place in known:
            application = vars(thing).get(place) if type(thing) is kind else None
            if application is not None and not isinstance(application, Boundary):
                patches.put(thing, place, Boundary(application))
