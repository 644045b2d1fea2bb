"""One connection and the instance that serves it: its row of counters, and the events of its life.

Everything of a connection happens on its loop's thread, apart from what a synchronous consumer raises.
"""

import contextvars
import itertools

from .ring import NOBODY, now, ring

# The connection whose application, or whose task, runs now.
current = contextvars.ContextVar("loopscope_connection", default=None)

# Kinds of records.
(OPENED, ACCEPTED, REJECTED, CLOSED, STARTED, ENDED, DISPATCHED, SWALLOWED, BRIDGE, SERVER) = range(1, 11)
# How a dispatch ends; the cell of its counter in the row of its message type.
RETURNED, STOPPED, THREW, CANCELLED = range(1, 5)
AFTER_DISCONNECT, BUSY = 5, 6
# How an instance ends.
END_STOPPED, END_RETURNED, END_THREW, END_KILLED, END_CANCELLED = range(1, 6)
# The states of a socket.
HANDSHAKE, OPEN, CLOSING, GONE = range(4)
# Cells of a class's row.
TASKS_STARTED, TASKS_ENDED, JOINED, LEFT, DISCONNECTS, RECEIVES, SENDS, INSTANCES_STARTED, INSTANCES_ENDED = range(1, 10)
# Cells of an instance's row.
(I_NUMBER, I_ADDRESS, I_CLASS, I_STATE, I_OPENED, I_CLOSED, I_PROGRESS) = range(7)
(I_DISCONNECTS, I_TASKS, I_GROUPS, I_LAST, I_RECEIVES, I_SENDS, I_TASK, I_CHECK) = range(8, 16)
SERVED = 1 << 8

# Dispatches of one instance that are told one by one: the first few, and the first few that fail.
EVENTS = 4
_numbers = itertools.count(1)


class Kind:
    """A consumer class: its counters, and whether its swallowed stop, and a cancellation of its tasks, has been located."""

    __slots__ = ("name", "id", "row", "messages", "is_located", "has_caught", "thing")
    known = {}

    def __init__(self, name, thing):
        self.name, self.thing = name, thing
        self.id = ring.name(name)
        self.row = ring.meter(self.id)
        self.messages = {}
        self.is_located = self.has_caught = False

    @classmethod
    def of(cls, thing):
        """The kind of a class or function."""
        kind = cls.known.get(thing)
        if kind is None:
            kind = cls.known[thing] = cls("%s.%s" % (thing.__module__, thing.__qualname__), thing)
        return kind

    def message(self, text):
        """The counters of a message type, and its name; types beyond 64 are counted together."""
        if len(self.messages) >= 64:
            return self.messages.get("other types") or self._add("other types")
        return self._add(str(text))

    def _add(self, text):
        name = ring.name(text)
        self.messages[text] = found = (ring.meter(self.id, name), name, text == "websocket.disconnect")
        return found


class Connection:
    """A WebSocket, from its scope to its last task."""

    __slots__ = ("number", "row", "path", "state", "kind", "consumer", "stop", "code", "protocol", "scope")
    __slots__ += ("sends", "disconnects", "structural", "tasks", "groups", "early", "is_over", "has_ended", "live", "roots", "cancels", "task")

    def __init__(self, scope, protocol=None):
        self.number = next(_numbers)
        self.row = ring.take_instance()
        self.sends = self.row + I_SENDS  # asked for each message sent
        self.path = ring.name(str(scope.get("path", "")))
        self.scope = scope
        self.protocol = protocol
        self.state = HANDSHAKE
        self.kind = self.consumer = self.stop = self.code = None
        self.disconnects = self.structural = self.tasks = self.early = 0
        self.groups = set()
        self.live, self.roots, self.cancels = (), (), 0  # tasks, and the code they begin in: sets once there are any
        self.task = None  # the server's, in which the application runs
        self.is_over = self.has_ended = False
        cells, row, time = ring.cells, self.row, now()
        for cell in range(1, 15):
            cells[row + cell] = 0
        cells[row + I_CLASS] = self.path << 32
        cells[row + I_OPENED] = time
        cells[row + I_CHECK] = cells[row] = self.number
        self._event(OPENED, time=time)

    def _event(self, kind, value=0, detail=0, third=0, time=None):
        of = self.kind.id if self.kind is not None else 0
        ring.event(kind, self.number, of, self.path, value, third, detail, time)

    # The socket, as the server sees it.

    def accepted(self):
        if self.state == HANDSHAKE:
            self._change(OPEN)
            self._event(ACCEPTED)
            self.find_endpoint()

    def rejected(self, status):
        if self.state == HANDSHAKE:
            self._change(CLOSING)
            self._event(REJECTED, value=status)

    def closing(self):
        if self.state == OPEN:
            self._change(CLOSING)

    def closed(self, code=None):
        """The socket is gone; the first to say so counts."""
        if self.state == GONE:
            return
        time = now()
        ring.cells[self.row + I_CLOSED] = time
        self._change(GONE)
        self._event(CLOSED, value=code if isinstance(code, int) else self.code or 0, time=time)
        self.leave_if_over()

    def _change(self, state):
        self.state = state
        ring.cells[self.row + I_STATE] = state | (SERVED if self.kind is not None and not self.has_ended else 0)

    # The instance.

    def find_endpoint(self):
        """Without Channels it is the function of the route that serves (Starlette puts it into the scope)."""
        endpoint = self.scope.get("endpoint") if self.kind is None and self.scope is not None else None
        if endpoint is not None and hasattr(endpoint, "__qualname__"):
            self.started(Kind.of(endpoint), 0, 1)

    def started(self, kind, address, structural):
        """An instance begins to be served, with so many tasks of the server's and the framework's."""
        self.kind = kind
        self.structural = structural
        cells, row = ring.cells, self.row
        cells[row + I_CLASS] = kind.id | self.path << 32
        cells[row + I_ADDRESS] = address
        cells[row + I_TASKS] = self.tasks + structural
        cells[kind.row + INSTANCES_STARTED] += 1
        # Those that middleware began are the class's too, and so are those that have ended since.
        cells[kind.row + TASKS_STARTED] += self.tasks + self.early + structural
        cells[kind.row + TASKS_ENDED] += self.early
        self._change(self.state)
        self._event(STARTED)

    def ended(self, outcome, error=None):
        if self.has_ended:
            return
        self.has_ended = True
        self.stop = self.consumer = self.scope = None
        if self.kind is not None:
            cells = ring.cells
            cells[self.kind.row + INSTANCES_ENDED] += 1
            cells[self.kind.row + TASKS_ENDED] += self.structural
            cells[self.row + I_TASKS] = self.tasks
            self._change(self.state)
            self._event(ENDED, detail=outcome, third=ring.name(error) if error else 0)
        self.leave_if_over()

    def application_ended(self, outcome, error=None):
        """The application returned to its server. A socket that nobody reported gone is taken for gone by its consumer."""
        self.task = None
        self.ended(outcome, error)
        if self.protocol is None:
            self.closed()

    def leave_if_over(self):
        if self.has_ended and self.state == GONE and self.tasks == 0 and not self.is_over:
            self.is_over = True
            ring.free_instance(self.row)
            self.row = NOBODY
            self.sends = NOBODY + I_SENDS

    # Tasks.

    def task_began(self, task, root, code):
        self.tasks += 1
        if not self.roots:
            self.live, self.roots = set(), set()
        self.live.add(task)
        self.roots.add(root)
        cells = ring.cells
        cells[self.row + I_TASKS] = self.tasks + (0 if self.has_ended else self.structural)
        cells[self.row + I_TASK] = ring.name(code)
        if self.kind is not None:
            cells[self.kind.row + TASKS_STARTED] += 1
        task.add_done_callback(self.task_ended)

    def task_ended(self, task):
        self.tasks -= 1
        self.live.discard(task)
        cells = ring.cells
        cells[self.row + I_TASKS] = self.tasks + (0 if self.has_ended else self.structural)
        if self.kind is not None:
            cells[self.kind.row + TASKS_ENDED] += 1
        else:
            self.early += 1
        self.leave_if_over()

    # Groups of the channel layer.

    def joined(self, group):
        if group not in self.groups and self.kind is not None:
            self.groups.add(group)
            ring.cells[self.kind.row + JOINED] += 1
            ring.cells[self.row + I_GROUPS] = len(self.groups)

    def left(self, group):
        if group in self.groups:
            self.groups.discard(group)
            ring.cells[self.kind.row + LEFT] += 1
            ring.cells[self.row + I_GROUPS] = len(self.groups)

