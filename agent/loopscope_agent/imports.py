"""Hooks modules right after they are imported, and only those that are imported."""

import sys

from . import patches, ring

# Module -> (module of ours, function) that is called with it.
HOOKS = {
    "uvicorn.config": ("servers", "uvicorn"),
    "uvicorn.protocols.websockets.websockets_impl": ("servers", "uvicorn_websockets"),
    "uvicorn.protocols.websockets.wsproto_impl": ("servers", "uvicorn_wsproto"),
    "uvicorn.protocols.websockets.websockets_sansio_impl": ("servers", "uvicorn_sansio"),
    "hypercorn.app_wrappers": ("servers", "hypercorn"),
    "hypercorn.protocol.ws_stream": ("servers", "hypercorn_stream"),
    "daphne.server": ("servers", "daphne"),
    "daphne.ws_protocol": ("servers", "daphne_protocol"),
    "channels.exceptions": ("stops", "hook"),
    "channels.utils": ("consumers", "hook"),
    "channels.layers": ("groups", "hook"),
    "asgiref.sync": ("bridges", "asgiref"),
    "django.core.handlers.wsgi": ("bridges", "wsgi"),
}


_seen = set()


def apply(module):
    """Hooks a module; what goes wrong is counted and said once."""
    place, name = HOOKS[module.__name__]
    _seen.add(module.__name__)
    try:
        if ring.ring.open():
            hooks = __import__("loopscope_agent." + place, fromlist=[name])
            getattr(hooks, name)(module)
    except Exception as error:
        ring.count(ring.ERRORS)
        sys.stderr.write("loopscope: %s is not counted: %s: %s\n" % (module.__name__, type(error).__name__, error))


class Finder:
    """The first on sys.meta_path: has the others find a module, and hooks it when its loader has run it."""

    def find_spec(self, name, path=None, target=None):
        if name not in HOOKS:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = Loader(spec.loader)
                return spec
        return None


class Loader:
    """Runs a module with its own loader, gives it that loader back, and hooks it."""

    def __init__(self, loader):
        self.loader = loader

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = self.loader
        module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        apply(module)


def install():
    finder = Finder()
    sys.meta_path.insert(0, finder)
    patches.later(lambda: sys.meta_path.remove(finder))


def adopt():
    """Hooks what has been imported already, also by a finder that stands before ours; how many modules that were."""
    loaded = [sys.modules[name] for name in HOOKS if name in sys.modules and name not in _seen]
    for module in loaded:
        apply(module)
    return len(loaded)
