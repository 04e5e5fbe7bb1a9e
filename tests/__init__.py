"""Tests run side by side, on small numbers: threads would wait for each other longer than they work.

Settings of the environment go before these, as in `make test-kernels`.
"""

import os
import signal

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# a shell that puts a command into the background has it ignore Ctrl-C, and so would all that it starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
