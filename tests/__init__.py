"""Tests run side by side, on small numbers: threads would wait for each other longer than they work.

Settings of the environment go before these, as in `make test-kernels`.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
