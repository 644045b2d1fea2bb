"""Whatever of the process is replaced is replaced here, so that it can be put back (`attach --exact`)."""

_undo = []
_nothing = object()


def put(owner, name, value):
    """Replaces an attribute of a module, class or object."""
    before = vars(owner).get(name, _nothing)

    def back():
        if vars(owner).get(name, _nothing) is not value:
            return  # somebody has put theirs around it since
        if before is _nothing:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    _undo.append(back)
    setattr(owner, name, value)


def later(undo):
    """Something else that is to be undone."""
    _undo.append(undo)


def undo():
    """Puts everything back, the last first."""
    while _undo:
        try:
            _undo.pop()()
        except Exception:
            pass  # what cannot be put back is no reason to leave the rest
