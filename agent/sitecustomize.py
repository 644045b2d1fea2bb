"""Loaded by `site` at the start of every interpreter whose PYTHONPATH names this folder: starts loopscope's agent.

The sitecustomize that would have been loaded without us is loaded after it, and the folder leaves sys.path; the
environment keeps it, so that workers and reloaded processes are counted too.
"""

import sys


def start():
    folder = __file__.rpartition("/")[0]
    try:
        import loopscope_agent

        loopscope_agent.start(folder.rpartition("/")[0])
    except Exception as error:  # whatever is wrong with us is no reason for the application not to start
        sys.stderr.write("loopscope: the agent did not start: %s: %s\n" % (type(error).__name__, error))
    sys.path[:] = [path for path in sys.path if path != folder]


start()
if __name__ == "sitecustomize":
    ours = sys.modules.pop(__name__)
    try:
        import sitecustomize  # noqa: F401  the next one on the path
    except ModuleNotFoundError as error:
        # There is none; whoever imports us wants to find what it has imported.
        sys.modules[__name__] = ours
        if error.name != "sitecustomize":
            raise
