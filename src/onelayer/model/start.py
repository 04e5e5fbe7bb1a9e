"""How a run may start, by its settings alone; imports no torch."""

from onelayer.errors import UserError


def refuse_start(init: str | float, init_std: float | None, hidden: int | None, lr: float | str) -> None:
    """Refuse a start that a setting has no effect on, or from which hidden units cannot part.

    Args:
        init: of the weights; see `StackedLinear.start`.
        init_std: the standard deviation of ``init="normal"``; None: 0.01.
        hidden: units of a hidden layer; None: there is none.
        lr: the learning rate; ``auto`` is 1/L of an objective that is convex, as none is with a hidden layer.

    Raises:
        UserError: with the setting that goes with it.
    """
    if init_std is not None and init != "normal":
        raise UserError(f"model.init_std has no effect with model.init={init}; set model.init=normal")
    if hidden is not None and init not in ("normal", "torch"):
        raise UserError(
            f"model.init={init}: {hidden} hidden units that start alike would stay alike; set model.init=torch or "
            "normal"
        )
    if hidden is not None and lr == "auto":
        raise UserError(
            f"optim.lr=auto is 1/L, but with model.hidden={hidden} the curvature has no bound L; give a number"
        )
