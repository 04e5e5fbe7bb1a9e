"""Tests run side by side, on small numbers: threads of BLAS would wait for each other longer than they work."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
