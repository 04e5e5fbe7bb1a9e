"""Estimators with scikit-learn's interface, and sweeps of them, in memory: no Hydra, no files."""
