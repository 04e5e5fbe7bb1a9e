"""A process that has imported everything and runs each command in a copy of itself.

Torch, Lightning and Hydra take seconds to import, a command of a page much less. This process imports them once, starts
no thread, listens on a socket, and forks for each command, which then has its own folder, environment, arguments and
streams.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import tempfile
import traceback
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.version import VersionBase

HEAVY = (
    *("torch", "lightning.pytorch", "torchmetrics", "hydra.main", "hydra._internal.hydra", "omegaconf"),
    *("sklearn.linear_model", "sklearn.datasets", "scipy.optimize", "scipy.stats", "duckdb", "rich.table"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
)
LONGEST = 1 << 20


def serve(path: str) -> None:
    """Import everything, then fork for each request, until it is killed."""
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies: each answers for itself
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(connection)
            connection.close()


def _warm_up() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    import onelayer

    for module in pkgutil.walk_packages(onelayer.__path__, "onelayer."):
        importlib.import_module(module.name)
    import torch

    from onelayer.compose import compose_train

    torch.set_num_threads(1)
    compose_train(["optim=sgd", "optim.lr=0.1"])  # what Hydra parses first takes it longest
    _forget(GlobalHydra, VersionBase)
    gc.collect()
    gc.freeze()  # what is here stays: to look through it again would take longer than most commands


def _forget(*singletons: type) -> None:
    """Leave Hydra as a new process finds it."""
    for one in singletons:
        Singleton._instances.pop(one, None)


def _answer(connection: socket.socket) -> None:
    """Do what one connection asks for, and end this copy."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
    request: dict[str, Any] = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # what is printed comes in the order in which it would in a terminal
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", buffering=1, closefd=False))
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    os.chdir(request["cwd"])
    _prefer_own_tree(Path("src"))
    kind, argv = request["kind"], request["argv"]
    if kind == "session":
        _session(connection)
        code = 0
    else:
        code = exit_code(lambda: _command(kind, argv))
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(code).encode())
    os._exit(code)


def _prefer_own_tree(source: Path) -> None:
    """Where the page has a copy of the tree in its folder, that one is run."""
    if not (source / "onelayer").is_dir():
        return
    for name in [one for one in sys.modules if one.partition(".")[0] in ("onelayer", "hydra_plugins")]:
        del sys.modules[name]
    _forget(Plugins)  # those of the page's tree are to be found
    sys.path.insert(0, str(source.resolve()))


def _command(kind: str, argv: list[str]) -> None:
    if kind == "code":
        sys.argv = ["-c", *argv[1:]]
        exec(compile(argv[0], "<string>", "exec"), {"__name__": "__main__"})
        return
    cli = importlib.import_module("onelayer.cli")
    sys.argv = ["src/train.py" if kind == "train" else "onelayer", *argv]
    (cli.train if kind == "train" else cli.main)()


def exit_code(command: Callable[[], object]) -> int:
    """The code with which a process would end that does this and nothing else."""
    try:
        command()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            sys.stderr.write(f"{stop.code}\n")
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _session(connection: socket.socket) -> None:
    """Run the python blocks of a page, one after the other, in one namespace."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.path.insert(0, "")
    with connection.makefile("rw") as lines:
        lines.write("ready\n")
        lines.flush()
        for line in lines:
            asked = json.loads(line)
            module.__dict__["PAGE"] = asked["page"]
            source = "\n" * (asked["line"] - 1) + asked["code"]  # so that a traceback names the lines of the page
            code = exit_code(partial(_execute, source, asked["page"], vars(module)))
            sys.stdout.flush()
            lines.write(f"{code}\n")
            lines.flush()


def _execute(source: str, page: str, namespace: dict[str, Any]) -> None:
    exec(compile(source, page, "exec"), namespace)


if __name__ == "__main__":
    serve(sys.argv[1])
