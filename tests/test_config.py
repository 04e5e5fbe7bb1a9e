"""What a run may say: every mistake is one sentence that names the key."""

from typing import Any

import pytest

from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.errors import UserError
from tests.conftest import OPTIMIZERS, ROOT, composed


@pytest.mark.parametrize("group", ["data", "model", "optim", "scheduler", "trainer", "logger"])
def test_every_choice_of_every_group_is_valid(group: str) -> None:
    for path in (ROOT / "conf" / group).glob("*.yaml"):
        more = ("data.split.val=10",) if group == "data" else ()
        RunSpec.from_config(composed(f"{group}={path.stem}", *more))


@pytest.mark.parametrize("optim", ["lbfgs", "rprop"])
def test_optimizers_that_assume_it_bring_the_full_batch(optim: str) -> None:
    assert RunSpec.from_config(composed(f"optim={optim}")).data.batch_size == "full"
    assert RunSpec.from_config(composed(f"optim={optim}", "data.batch_size=7")).data.batch_size == 7


def test_every_optimizer_has_its_configuration() -> None:
    wanted = "sgd momentum nesterov adam amsgrad adamw nadam radam adamax adagrad adadelta rmsprop asgd rprop adafactor"
    assert set(OPTIMIZERS) == {*wanted.split(), "lbfgs"}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=-1", "seed=-1: must be greater than or equal to 0"),
        ("seed=1.5", "seed=1.5: must be a valid integer"),
        ("seed=true", "seed=True: must be a valid integer"),
        ("patience=0", "patience=0: must be greater than 0"),
        ("data.batch_size=half", "data.batch_size=half: must be a valid integer or 'full'"),
        ("data.batch_size=0", "data.batch_size=0: must be greater than 0 or 'full'"),
        ("data.normalize=std", "data.normalize=std: must be 'standard', 'minmax', 'robust' or 'none'"),
        ("data.split.val=1.0", "data.split.val=1.0: must be a valid integer or less than 1"),
        ("data.split.val=-3", "data.split.val=-3: must be greater than or equal to 0"),
        ("data.dtype=float16", "data.dtype=float16: must be 'float32' or 'float64'"),
        ("model.l2=-1", "model.l2=-1: must be greater than or equal to 0"),
        ("model.link=logits", "model.link=logits: must be 'logit', 'probit', 'cauchit', 'cloglog', "),
        ("model.l2=much", "model.l2=much: must be a valid number"),
        ("optim.lr=abc", "optim.lr=abc: must be a valid number or 'auto'"),
        ("optim.lr=0", "optim.lr=0: must be greater than 0 or 'auto'"),
        ("trainer.devices=2", "trainer.devices=2: must be 1, or the number of the one device to use, as in [0]"),
        ("trainer.devices=[0,1]", "trainer.devices=[0, 1]: must be 1"),
        ("trainer.devices=true", "trainer.devices=True: must be 1, or the number of the one device"),
        ("trainer.max_time=soon", "trainer.max_time=soon: must look like 00:01:30:00"),
        (
            "trainer.check_val_every_n_epoch=101",
            "trainer.check_val_every_n_epoch=101 is more than trainer.max_epochs=100",
        ),
        ("trainer.max_epochs=-1", "trainer.max_epochs=-1: must be greater than or equal to 0"),
        ("+trainer.max_step=5", "trainer.max_step=5: there is no such key; did you mean 'max_time'?"),
        ("~seed", "seed: is missing"),
        ("task=classes", "task=classes: must be 'regression', 'binary' or 'multiclass'"),
        ("model.init_std=0.1", "model.init_std has no effect with model.init=zeros; set model.init=normal"),
        ("monitor=loss", "monitor=loss: expected stage/name with stage train or val, such as val/loss"),
        ("trainer.precision=64-true", "trainer.precision=64-true contradicts data.dtype=float32"),
    ],
)
def test_a_wrong_value_is_one_sentence(override: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        RunSpec.from_config(composed(override))
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["patience=3", "data.split.val=0"], "which data.split.val=0 leaves without rows"),
        (["scheduler=plateau", "data.split.val=0"], "scheduler=plateau watches val/loss"),
        (["trainer.devices=[0]"], r"trainer.devices=\[0\] names a GPU; with trainer=cpu leave it 1"),
        (["data.split.stratify=true", "data.split.shuffle=false"], "needs data.split.shuffle=true"),
    ],
)
def test_combinations_that_contradict_are_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        RunSpec.from_config(composed(*overrides))


@pytest.mark.parametrize(
    ("typed", "weights"),
    [
        ("{a: 1, b: 2.5}", {"a": 1, "b": 2.5}),
        ("{>50K: 3,<=50K:1e-1}", {">50K": 3, "<=50K": 0.1}),
        ("{true: 3, null: 2, 007: 1}", {"true": 3, "null": 2, "007": 1}),
        ("{'a, b': 3, \"it's\": 2, 'it''s not': 1}", {"a, b": 3, "it's": 2, "it's not": 1}),
        ("{10:30 h: 2, a b : 1,}", {"10:30 h": 2, "a b": 1}),
        ({1: 2, "a": 3}, {"1": 2, "a": 3}),
        ("balanced", "balanced"),
        (None, None),
    ],
)
def test_weights_of_classes_by_their_names_as_typed(typed: Any, weights: Any) -> None:
    config = composed()
    config["data"]["class_weight"] = typed
    assert RunSpec.from_config(config).data.class_weight == weights


@pytest.mark.parametrize(
    "typed", ["{a}", "{a: b}", "{a: -1}", "{a: 0}", "{a: nan}", "{: 1}", "{}", "a: 1", "{a: 1", "{a: 1; b: 2;}"]
)
def test_what_is_no_weight_of_a_class_is_refused(typed: str) -> None:
    config = composed()
    config["data"]["class_weight"] = typed
    with pytest.raises(UserError) as error:
        RunSpec.from_config(config)
    assert str(error.value).startswith(f"data.class_weight={typed}: must be ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("typed", "name"), [(1, "1"), (2.5, "2.5"), (True, "true"), ("a", "a"), (None, None)])
def test_a_column_may_be_called_by_a_number(typed: Any, name: str | None) -> None:
    config = composed()
    config["data"]["split"]["by"] = typed
    assert RunSpec.from_config(config).data.split.by == name


def test_every_mistake_is_named_at_once() -> None:
    wrong: dict[str, Any] = composed("seed=-1", "patience=0")
    with pytest.raises(UserError) as error:
        RunSpec.from_config(wrong)
    assert [line.split("=")[0] for line in str(error.value).splitlines()] == ["seed", "patience"]


@pytest.mark.parametrize(
    "overrides",
    [
        ("optim.lr=1e-3", "seed=4"),
        ("data=table", "data.class_weight={yes: 3}", "data.drop=[a,b]", "data.path='x y'"),
        ("scheduler=cosine", "trainer.max_epochs=7"),  # the one takes its T_max from the other
        ("experiment=links", "data.split.val=3", "+data.more=1"),
    ],
    ids=" ".join,
)
def test_configurations_of_these_tests_are_those_of_the_command_line(overrides: tuple[str, ...]) -> None:
    assert composed(*overrides) == compose_train(overrides)
