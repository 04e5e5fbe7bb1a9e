"""The Hydra launcher and sweeper; what they know lies in onelayer.sweeps."""
