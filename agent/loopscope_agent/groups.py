"""Groups of channel layers: who joined, who left, and what a layer refused for want of room."""

import functools

from . import patches, ring

# Channel -> its connection, until that is over and has left all its groups.
_owners = {}
_known = set()


def hook(module):
    """Nothing to replace before a layer's class is seen."""


def serve(consumer, channel, connection):
    """A consumer begins to receive from a channel of its layer."""
    if isinstance(channel, str):
        if len(_owners) > 65536:
            for name in [name for name, owner in _owners.items() if owner.is_over]:
                del _owners[name]
        _owners[channel] = connection
    layer = type(getattr(consumer, "channel_layer", None))
    if layer not in _known:
        _known.add(layer)
        instrument(layer)


def instrument(layer):
    """Counts the calls of a layer's class, once."""
    for name, count in (("group_add", added), ("group_discard", discarded), ("send", sent), ("group_send", group_sent)):
        method = getattr(layer, name, None)
        if method is not None and hasattr(method, "__code__"):
            patches.put(layer, name, counting(method, count))


def counting(method, count):
    """An `async def`, because asgiref asks whether it is one; it counts what succeeded."""

    @functools.wraps(method)
    async def counted(self, *arguments, **options):
        try:
            result = await method(self, *arguments, **options)
        except Exception as error:
            if type(error).__name__ == "ChannelFull":
                ring.count(ring.LAYER_FULL)
            raise
        try:
            count(*arguments, **options)
        except Exception:
            ring.count(ring.ERRORS)
        return result

    return counted


def added(group, channel):
    owner = _owners.get(channel)
    if owner is not None:
        owner.joined(group)


def discarded(group, channel):
    owner = _owners.get(channel)
    if owner is not None:
        owner.left(group)
        if owner.is_over and not owner.groups:
            _owners.pop(channel, None)


def sent(*_, **__):
    ring.count(ring.LAYER_SENDS)


def group_sent(*_, **__):
    ring.count(ring.LAYER_GROUP_SENDS)
