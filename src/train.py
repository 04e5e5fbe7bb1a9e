"""Train one run, or a sweep with -m:  python src/train.py [-m] [group=option] [key=value] ..."""

from onelayer.cli import train

if __name__ == "__main__":
    train()
