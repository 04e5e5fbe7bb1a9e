"""Which run of a sweep is delivered where somebody chose another than the first of its leaderboard."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from onelayer.errors import UserError
from onelayer.filenames import CHOICE
from onelayer.terminal.command_line import shell
from onelayer.whole import whole


@dataclass(frozen=True)
class Choice:
    """A run that was chosen.

    Attributes:
        run: its directory, relative to that of the sweep.
        metric: what chose it.
        value: of the metric, of the row that it stands for.
        reason: in words, such as ``the highest test/r2 of 24 runs``.
    """

    run: str
    metric: str
    value: float
    reason: str

    @property
    def said(self) -> str:
        """What is to be known of a model that was chosen so."""
        doubt = "; the test rows chose it, and no longer tell how good it is on others"
        return f"chosen was {self.run}, {self.reason}{doubt if self.metric.startswith('test/') else ''}"


def choosing(sweep: Path, *more: str) -> str:
    """Return the command that chooses a run of a sweep."""
    return shell(["onelayer", "leaderboard", str(sweep), *more, "--choose"])


def read_choice(sweep: Path) -> Choice | None:
    """Read what was chosen; None where nothing was.

    Raises:
        UserError: the file is no choice.
    """
    try:
        return Choice(**json.loads((sweep / CHOICE).read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{sweep / CHOICE}: it cannot be read ({error}); choose again with {choosing(sweep)}") from None


def write_choice(sweep: Path, choice: Choice | None) -> None:
    """Note what was chosen, at once or not at all; None: the first run of the leaderboard, which needs no note."""
    if choice is None:
        (sweep / CHOICE).unlink(missing_ok=True)
        return
    with whole(sweep / CHOICE) as partial:
        partial.write_text(json.dumps(asdict(choice), indent=2) + "\n", encoding="utf-8")
