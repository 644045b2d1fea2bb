"""Tasks: how many a process makes, and which of them belong to a connection.

A loop's task factory, around the one that is set. A task is a connection's when it is begun in its context and its coroutine
holds the consumer (as `self` or another argument): one that the whole process shares, begun by whoever came first, is
nobody's. What Channels' dispatch loop makes for each message is not counted one by one: it is there as long as the
instance is.
"""

from types import CoroutineType

from . import patches, ring
from .connections import current

# Code objects of the callables that dispatch loops make tasks of, by their address: to hash one takes a microsecond.
_quiet = {}
_names = {}


def quiet(receive):
    """Tasks of this callable are the framework's own."""
    while hasattr(receive, "func"):
        receive = receive.func
    code = getattr(getattr(receive, "__func__", receive), "__code__", None)
    if code is not None:
        _quiet[id(code)] = code


def name_of(code):
    name = _names.get(code)
    if name is None:
        text = "%s\n%s\n%d" % (
            getattr(code, "co_qualname", code.co_name),
            code.co_filename[-160:],
            code.co_firstlineno,
        )
        name = _names[code] = text[-250:]
    return name


def watch(loop):
    """Makes ours the loop's factory, around the one it has; called with each connection, since it may have been replaced."""
    factory = loop.get_task_factory()
    if not getattr(factory, "is_loopscopes", False):
        ours = around(factory)
        loop.set_task_factory(ours)
        patches.later(lambda: loop.set_task_factory(factory) if loop.get_task_factory() is ours else None)


def around(factory):
    from asyncio import Task

    memory, made = ring.ring, ring.TASKS
    last = None  # nearly every task is another one of a receiver's

    def make(loop, coroutine, **options):
        nonlocal last
        owner = None
        try:
            memory.cells[made] += 1
            code = coroutine.cr_code
            if code is last:
                pass
            elif id(code) in _quiet:
                last = code
            else:
                connection = current.get()
                # Asked before it is made: an eager task may be over by then.
                owner = connection if connection is not None and holds(coroutine, connection) else None
        except AttributeError:
            pass  # no coroutine of Python's own
        except Exception:
            ring.count(ring.ERRORS)
        if factory is None:
            task = Task(coroutine, loop=loop, **options)
        else:
            task = factory(loop, coroutine, **options)
        if owner is not None:
            owner.task_began(task, code, name_of(code))
        return task

    make.is_loopscopes = True
    make.is_plain = factory is None
    return make


def maker():
    """What makes the tasks of a dispatch loop: as asyncio.ensure_future does there, without its way to the loop's factory,
    which costs as much as all else that counts a message. Only where nobody has put anything of theirs in that way."""
    import asyncio

    ensure, loop, Task = asyncio.ensure_future, asyncio.get_running_loop(), asyncio.tasks.Task
    factory, memory, made = loop.get_task_factory, ring.ring, ring.TASKS
    ours = factory()
    if not getattr(ours, "is_plain", False) or loop.get_debug() or not is_usual(asyncio, ensure, loop):
        return ensure

    def make(coroutine):
        if type(coroutine) is CoroutineType and factory() is ours:
            memory.cells[made] += 1
            return Task(coroutine, loop=loop)
        return ensure(coroutine)

    return make


def is_usual(asyncio, ensure, loop):
    """Whether ensure_future and the loop's create_task are asyncio's own. uvloop's is quick as it is."""
    code = getattr(ensure, "__code__", None)
    create = loop.create_task
    # Not by its __dict__: who asks for that makes every later look at an attribute slower (3.11, 3.12).
    is_methods = getattr(create, "__self__", None) is loop and getattr(create, "__name__", None) == "create_task"
    if code is None or code.co_filename != asyncio.tasks.__file__ or not is_methods:
        return False
    if getattr(create, "__func__", type(loop).create_task) is not type(loop).create_task:
        return False
    for base in type(loop).__mro__:
        method = vars(base).get("create_task")
        if method is not None:
            code = getattr(method, "__code__", None)
            return code is not None and code.co_filename == asyncio.base_events.__file__
    return False


def holds(coroutine, connection):
    """Whether an argument of a coroutine that has not begun is the connection's consumer, or made of its scope."""
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return False
    consumer, scope = connection.consumer, connection.scope
    for value in list(frame.f_locals.values()):
        if value is consumer is not None or scope_of(value) is scope:
            return True
    return False


def scope_of(value):
    """The scope an object keeps itself, without running code of its own. Not by its __dict__: once that is made CPython 3.11 and
    3.12 find none of the object's attributes and methods the short way any more, as long as it lives."""
    for base in type(value).__mro__:
        if hasattr(type(vars(base).get("scope")), "__get__"):
            return None  # a property
    try:
        return object.__getattribute__(value, "scope")
    except AttributeError:
        return None


def marked(function):
    """A plain function that counts as `async def`, as the one it stands for does."""
    import inspect

    mark = getattr(inspect, "markcoroutinefunction", None)
    if mark is not None:
        return mark(function)
    from asyncio import coroutines

    function._is_coroutine = coroutines._is_coroutine
    return function
