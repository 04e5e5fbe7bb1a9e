"""What is to be known before rows of a leaderboard are compared."""

from onelayer.report.groups import changed, groups_of
from onelayer.report.leaderboard import COSTS, Leaderboard, Row
from onelayer.report.records import comparable
from onelayer.track.rundir import ENDED

# what a loss is made of -> the metric that is the same whatever it is; None: there is none
OF_THE_LOSS = {"data.normalize_target": "r2", "data.class_weight": "log_loss", "task": None}
LOSSES = ("loss", "objective", "gap")
# what decides which rows validate and test
OF_THE_ROWS = ("data.split.", "data.path", "data.query", "data.target", "data.name", "data.stream", "data.folds")
# judge runs where the metric that was asked for has no value
INSTEAD = ("val/loss", "val/mse", "val/log_loss", "train/loss")


def cautions(board: Leaderboard) -> list[str]:
    """Say which rows of a table do not compare, were not measured alike, or have no rank."""
    sentences = []
    if board.apart:
        sentences.append(_of_groups(board))
    differing = [key for key in board.swept if _differs_within(key, board)]
    stage, _, metric = board.sort.partition("/")
    units = [key for key in differing if key in OF_THE_LOSS] if metric in LOSSES else []
    weighs = "data.sample_weight" in differing and board.sort not in COSTS
    if units:
        names: set[str | None] = {None} if weighs else {OF_THE_LOSS[key] for key in units}
        sentences.append(
            f"{board.sort} is in other units where {', '.join(units)} differs{_compares(stage, names, board)}"
        )
    if metric == "objective" and "model.l2" in differing:
        hint = "" if units or weighs else _compares(stage, {"loss"}, board)
        sentences.append(f"{board.sort} has the penalty in it, which is another where model.l2 differs{hint}")
    if weighs:
        sentences.append(
            "every metric counts rows otherwise where data.sample_weight differs, so that none compares these"
        )
    rows = [key for key in differing if key == "data" or key.startswith(OF_THE_ROWS)]
    if rows:
        sentences.append(f"rows that differ in {', '.join(rows)} were measured on other data")
    return [*sentences, *_equal(board), *_unranked(board)]


def _equal(board: Leaderboard) -> list[str]:
    """Say that a seed changes nothing, which would look like a spread of zero."""
    rows = [row for row in board.rows if not row.best.random]
    seeds = {comparable(record.overrides.get("seed")) for row in rows for record in row.runs}
    if len(seeds) < 2:
        return []
    where = "" if len(rows) == len(board.rows) else f" in {len(rows)} of {len(board.rows)} rows"
    taken = any(record.trained_with for row in rows for record in row.runs)
    equal = "were trained once" if taken else "are equal but for rounding"
    once = ", and count once" if "seed" in board.repeated else ""
    return [
        f"the seed changes nothing{where}, where no weight is drawn and batches have one order: runs that differ in it "
        f"alone {equal}{once}"
    ]


def _of_groups(board: Leaderboard) -> str:
    hidden = changed(board.records, groups_of(board.records))
    why = "; the data changed between runs that were told the same of them" if hidden else ""
    return f"{board.apart}: each group is ranked for itself{why}"


def _differs_within(key: str, board: Leaderboard) -> bool:
    values: dict[int | None, object] = {}
    return any(
        values.setdefault(row.group, value) != value
        for row in board.rows
        for value in [comparable(row.best.overrides.get(key))]
    )


def _compares(stage: str, names: set[str | None], board: Leaderboard) -> str:
    """Advise the metric that compares the runs, if there is one and all of them have it."""
    if len(names) > 1 or None in names:
        return ""
    name = f"{stage}/{names.pop()}"
    return f"; --sort {name} compares them" if _all_have(name, board) else ""


def _all_have(name: str, board: Leaderboard) -> bool:
    return all(record.value(name) is not None for record in board.records if record.status in ENDED)


def _unranked(board: Leaderboard) -> list[str]:
    """Say which rows that ended well have no rank."""

    def judged(row: Row) -> bool:
        return any(record.value(board.sort) is not None for record in row.counted)

    ended = [row for row in board.rows if {record.status for record in row.runs} <= {*ENDED}]
    without = [row for row in ended if row.rank is None]
    if not without:
        return []
    if not any(judged(row) for row in board.rows):
        other = next((name for name in INSTEAD if name != board.sort and _all_have(name, board)), None)
        return [
            f"no run has a {board.sort}, so that none is ranked" + (f"; --sort {other} ranks them" if other else "")
        ]
    rows = "1 row has" if len(without) == 1 else f"{len(without)} rows have"
    return [f"{rows} no rank: of some of their runs {board.sort} has no value"]
