"""Where a StopConsumer was swallowed: the function, its `def` line, and the line of the handler that caught it.

While a consumer handles its disconnect the StopConsumer it raises is kept. If the dispatch returns all the same, the
exception's own traceback says who caught it: the outermost frame that it reached. Once for each class; on every CPython,
without tracing.
"""

import ast
import linecache

from . import connections, patches
from .connections import current
from .ring import ring


def hook(module):
    """Notes each StopConsumer that is made where a class has not been located yet."""

    def __init__(self, *arguments):
        connection = current.get()
        if connection is not None and connection.kind is not None and not connection.kind.is_located:
            connection.stop = self

    patches.put(module.StopConsumer, "__init__", __init__)


def locate(kind, consumer, stop):
    """Tells who keeps `kind` from stopping."""
    trace = stop.__traceback__ if stop is not None else None
    if trace is not None:
        return tell(kind, trace, type(stop), 0)
    code = override(type(consumer))
    if code is not None:
        write(kind, code, 0, 0)


def tell(kind, trace, error, what):
    """Tells who caught an error, by the outermost frame that it reached."""
    code = trace.tb_frame.f_code
    write(kind, code, handler_line(code, trace.tb_lineno, trace.tb_frame.f_globals, error), what)


def write(kind, code, handler, what):
    """One record: what was swallowed is 0 for a StopConsumer, 1 for a CancelledError."""
    name = getattr(code, "co_qualname", None) or qualified_name(code, kind.thing)
    line = def_line(code) | (handler or 0) << 32
    ring.event(
        connections.SWALLOWED, 0, kind.id, ring.name(name), line, ring.name(code.co_filename), detail=what
    )


def override(cls):
    """Nothing was raised: the class's own websocket_disconnect, or else its own dispatch."""
    for name in ("websocket_disconnect", "dispatch"):
        for base in cls.__mro__:
            function = base.__dict__.get(name)
            if function is not None:
                function = getattr(function, "__wrapped__", function)
                code = getattr(function, "__code__", None)
                if code is not None and not base.__module__.startswith("channels."):
                    return code
                break
    return None


def qualified_name(code, thing):
    """Before 3.11 a code object does not know its class: the one whose attribute has it does."""
    for base in getattr(thing, "__mro__", ()):
        for function in list(base.__dict__.values()):
            if getattr(function, "__code__", None) is code:
                return function.__qualname__
    return code.co_name


def def_line(code):
    """The line of `def`: a code object's first line may be its decorator's."""
    for number in range(code.co_firstlineno, code.co_firstlineno + 20):
        if linecache.getline(code.co_filename, number).lstrip().startswith(("def ", "async def ")):
            return number
    return code.co_firstlineno


def handler_line(code, line, names, error):
    """The `except` (or `with`, or `finally`) that covers `line` of a function and takes `error`; None where the source is gone."""
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):
        return None
    found = None
    for node in ast.walk(tree):
        # Walked from the outside in: the last that fits is the innermost.
        if isinstance(node, ast.Try) and covers(node.body, line) and node.lineno >= code.co_firstlineno:
            for handler in node.handlers:
                if takes(handler.type, names, error):
                    found = handler.lineno
                    break
        elif isinstance(node, (ast.With, ast.AsyncWith)) and covers(node.body, line):
            if node.lineno >= code.co_firstlineno and found is None:
                found = node.lineno
    return found


def covers(body, line):
    return body[0].lineno <= line <= max(getattr(node, "end_lineno", node.lineno) for node in body)


def takes(expression, names, error):
    """Whether `except expression` takes an error, as far as names of the module tell."""
    if expression is None:
        return True
    if isinstance(expression, ast.Tuple):
        return any(takes(part, names, error) for part in expression.elts)
    value = None
    if isinstance(expression, ast.Name):
        builtins = names.get("__builtins__", {})
        builtins = builtins if isinstance(builtins, dict) else vars(builtins)
        value = names.get(expression.id, builtins.get(expression.id))
    elif isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
        value = getattr(names.get(expression.value.id), expression.attr, None)
    return isinstance(value, type) and issubclass(error, value)
