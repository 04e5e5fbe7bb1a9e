"""What `python` and `onelayer` are on a page: hand the command to the warm process, or run it where that cannot.

Run with -IS, so that it starts in some 15 ms; needs nothing but the standard library.
"""

import json
import os
import socket
import sys


def main() -> int:
    name, *argv = sys.argv[1:]
    if name == "onelayer":
        kind = "onelayer"
    elif argv and argv[0].endswith("src/train.py"):
        kind, argv = "train", argv[1:]
    elif len(argv) > 1 and argv[0] == "-c":
        kind, argv = "code", argv[1:]
    else:
        os.execv(os.environ["DOCS_PYTHON"], [os.environ["DOCS_PYTHON"], *argv])
    request = {"kind": kind, "argv": argv, "cwd": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["DOCS_SOCKET"])
        socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(16)
    return int(answer or b"70")


if __name__ == "__main__":
    sys.exit(main())
