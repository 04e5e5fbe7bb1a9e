"""A run's coefficients with what statisticians ask of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onelayer.artefact import Artefact
from onelayer.data.preprocess import NO_CONSTANT
from onelayer.data.table import Array
from onelayer.deliver.inference import Table, binary, least_squares, multinomial
from onelayer.deliver.inference.robust import Robust
from onelayer.deliver.inference.table import FAR
from onelayer.deliver.load import model_folder
from onelayer.deliver.summary.coefficients import Distance, coefficients, distance_of, theta_of
from onelayer.deliver.summary.design import Design, design_of
from onelayer.errors import UserError
from onelayer.links import IDENTITY, Link
from onelayer.optimum.newton import LOCAL
from onelayer.optimum.separation import NO_OPTIMUM
from onelayer.threads import one_thread

AWAY = "not at the optimum"
NO_COEFFICIENTS = "with a hidden layer there are no coefficients; what a column does hangs on the others"


@dataclass(frozen=True)
class Summary:
    """The tables of a run, one for each class beyond the first of several, and else one alone.

    Attributes:
        run: its directory.
        target: the name of the target.
        classes: their names; None of a number.
        link: what the logits say.
        l2: the penalty.
        status, epochs: how training ended.
        best_epoch: whose weights the model has; None where that was not noted.
        polished: whether the weights are those of the exact optimum.
        distance: of the delivered weights from it.
        tables: of coefficients.
        bases: the design column of each category's base, which coefficients of its other levels are relative to.
        cautions: sentences that say why the tables do not hold, or not quite.
        notes: what else is to be known, a sentence each.
    """

    run: Path
    target: str
    classes: tuple[str, ...] | None
    link: Link
    l2: float
    status: str
    epochs: int
    best_epoch: int | None
    polished: bool
    distance: Distance
    tables: tuple[Table, ...]
    bases: dict[str, str]
    cautions: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def separated(self) -> bool:
        """Whether there is no finite optimum."""
        return any(one.startswith("separated") for one in self.cautions)

    @property
    def modelled(self) -> tuple[str | None, ...]:
        """The class that each table is about; None of a number."""
        return (None,) if self.classes is None else self.classes[1:]


@one_thread()
def summarise(path: str | Path, *, polish: bool = False, robust: Robust | None = None, level: float = 0.95) -> Summary:
    """Make the tables of a run from its train rows, which are read again.

    Args:
        path: a run, or a sweep for its best one.
        polish: take the weights to the exact optimum first: of the likelihood, and under a penalty, of the objective.
        robust: which covariance; None: that of the model.
        level: of the intervals.

    Raises:
        UserError: there is no model or no such table of it, or its rows are not what they were.
    """
    if not 0 < level < 1:
        raise UserError(f"--level {level:g}: give a share between 0 and 1, such as 0.95")
    folder = model_folder(Path(path).expanduser())
    artefact, run = Artefact.load(folder), folder.parent
    header = artefact.header
    status, l2, link = str(header["training"].get("status")), float(header["l2"]), artefact.link
    if artefact.hidden is not None:
        raise UserError(f"{run}: {NO_COEFFICIENTS}")
    if status == "diverged" and not polish:
        raise UserError(f"{run}: the run diverged, so its weights are no fit; train with a lower optim.lr, or --polish")
    if link.per_class and robust in ("HC2", "HC3"):
        raise UserError(f"--robust {robust} is not defined for several classes; use HC0 or HC1")
    design = design_of(run, artefact)
    theta = theta_of(artefact, bias=design.bias)
    distance = distance_of(design.part, theta, artefact, bias=design.bias, polish=polish)
    separated = distance.note.startswith(NO_OPTIMUM)
    if polish and distance.optimum is None and (l2 > 0 or status == "diverged" or not separated):
        under = f" under model.l2={l2:g}" if l2 else ""
        raise UserError(f"{run}: --polish has no exact optimum{under}; {distance.note}")
    polished = polish and distance.optimum is not None
    theta = theta if distance.optimum is None or not polish else distance.optimum
    coef, constant = coefficients(theta, artefact, bias=design.bias)
    exact = polished and l2 == 0  # the likelihood alone says where to go
    no_optimum = distance.note if separated else ""
    tables = _tables(design, link, coef, exact, no_optimum, level, robust, l2)
    aliased = {tables[0].names[place] for place in tables[0].aliased}
    return Summary(
        run=run,
        target=str(header["target"]),
        classes=None if header["classes"] is None else tuple(header["classes"]),
        link=link,
        l2=l2,
        status=status,
        epochs=int(header["training"].get("epochs", 0)),
        best_epoch=header["best_epoch"],
        polished=polished,
        distance=distance,
        tables=tables,
        bases={name: base for name, base in design.bases.items() if base in aliased or base not in tables[0].names},
        cautions=_cautions(tables[0], distance, l2, design, robust, polished=polished),
        notes=_notes(artefact, design, None if exact else constant, distance),
    )


def _tables(
    design: Design,
    link: Link,
    coef: Array,
    exact: bool,
    no_optimum: str,
    level: float,
    robust: Robust | None,
    l2: float,
) -> tuple[Table, ...]:
    """Return the tables at coefficients (outputs, columns)."""
    rows, coef = design.rows, coef[1:] - coef[0] if link.per_class else coef
    if link is IDENTITY:
        return (least_squares(rows, coef[0], exact=exact, level=level, robust=robust, l2=l2),)
    if link.per_class:
        return multinomial(rows, coef, exact=exact, no_optimum=no_optimum, level=level, robust=robust, l2=l2)
    return (
        binary(rows, coef[0], link=link.name, exact=exact, no_optimum=no_optimum, level=level, robust=robust, l2=l2),
    )


def _cautions(
    table: Table, distance: Distance, l2: float, design: Design, robust: Robust | None, *, polished: bool
) -> tuple[str, ...]:
    said = list(table.cautions)
    if not polished and not distance.note.startswith(NO_OPTIMUM) and _is_far(table, distance, l2):
        away = next((one.partition(": ")[2] for one in said if one.startswith(AWAY)), None)
        said = [one for one in said if not one.startswith(AWAY)]
        gap = f"the objective is {distance.gap:.3g} above its optimum" if np.isfinite(distance.gap) else "gap unknown"
        reasons = [*([away] if away else []), gap, f"its gradient has the norm {distance.gradient:.3g}"]
        said.insert(0, f"not converged: {', '.join(reasons)}; --polish goes all the way")
    if design.costs:
        holds = "" if robust else ", and standard errors do not hold: add --robust HC0"
        said.append(
            "class weights: what errors cost (data.class_weight) is no likelihood of the data; coefficients are those "
            f"of the weighted fit, likelihood and tests of the whole fit mean little{holds}"
        )
    if not design.whole:
        said.append(
            "weights: data.sample_weight has numbers that are not whole; each is taken for so many rows, so that "
            "standard errors depend on their scale"
        )
    return tuple(said)


def _is_far(table: Table, distance: Distance, l2: float) -> bool:
    """Tell whether weights are so far from the optimum that the first digits of the table are touched."""
    if l2 == 0:
        return any(one.startswith(AWAY) for one in table.cautions)
    # twice the gap in likelihood is a squared distance in standard errors
    each = distance.gap / distance.objective if table.link is IDENTITY else 2 * distance.gap
    return bool(table.stats["n"] * each > FAR**2)


def _notes(artefact: Artefact, design: Design, constant: Array | None, distance: Distance) -> tuple[str, ...]:
    said = []
    if design.counted:
        said.append("rows count by data.sample_weight, each for so many rows")
    if not design.bias:
        shifted = bool(artefact.x_shift.any() or artefact.y_shift.any())
        one = constant is not None and len(constant) == 1
        where = f" ({constant[0]:.6g} where all columns are 0)" if constant is not None and one else ""
        said.append(f"{NO_CONSTANT}{where}" if shifted else "model.bias=false: there is no constant")
    if distance.note.startswith(LOCAL):
        said.append(f"the likelihood is not concave under {artefact.link.name}, so there may be other optima")
    return tuple(said)
