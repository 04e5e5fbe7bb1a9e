"""Arrays that another program wrote: features, such as embeddings, with their labels; also split into parts."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from onelayer.data.sources.array_names import FEATURES, LABELS, ArrayFamily, families, family_named, part_of
from onelayer.data.sources.arrays import READERS, Arrays, kind_of, listed, read_arrays
from onelayer.data.sources.files import class_target, existing_path, refuse_infinite
from onelayer.data.table import PARTS, Array, Table
from onelayer.data.tables.origin import Origin
from onelayer.errors import UserError


class Group(NamedTuple):
    """The rows of one part, as their file has them; `x` is (rows, n_features)."""

    file: Path
    x_name: str
    x: Array
    x_kind: str
    y_name: str
    y: Array
    by: Array | None


def embeddings(
    *,
    path: str | None,
    features: str | None,
    labels: str | None,
    val_path: str | None = None,
    test_path: str | None = None,
    by: str | None = None,
) -> Table:
    """Read arrays of equal length from .npy, .npz, .safetensors or .pt, without running any code of the file.

    Labels of text, whole numbers or truth values are classes; other numbers are to be predicted. Features of more than
    two dimensions are flattened. Beside arrays that are called as X_train and y_train are, those called as X_val,
    y_val, X_test and y_test are the validation and the test rows.

    Args:
        path: the file.
        features: the array (rows, n_features), with or without its part (X for X_train); None: the one with a usual
            name, or the only one of floats.
        labels: the array (rows,), likewise, or a second file that holds it; None: the one with a usual name, or the
            only one.
        val_path: a file with the same arrays of the validation rows.
        test_path: likewise of the test rows.
        by: the array (rows,) to split by, with or without its part.

    Raises:
        UserError: what is what is not clear, numbers of rows or features differ, or a value is not finite.
    """
    file = existing_path(path, "embeddings", "a file of arrays: .npy, .npz, .safetensors or .pt")
    groups, target, notes = groups_of(file, "train", features, labels, by)
    for part, other in (("val", val_path), ("test", test_path)):
        if other is None:
            continue
        if part in groups:
            raise UserError(
                f"data.{part}_path={other}: {file} holds {part} rows of its own, '{groups[part].x_name}'; leave one of "
                "them out"
            )
        if labels is not None and _is_file(labels, read_arrays(file)):
            raise UserError(
                f"data.{part}_path={other}: data.labels={labels} is a file with the labels of {file} alone; put the "
                "features and the labels of a part into one file"
            )
        there = existing_path(other, "embeddings", f"a file of {part} rows", key=f"{part}_path")
        groups |= groups_of(there, part, features, labels, by)[0]
    return _joined({name: groups[name] for name in PARTS if name in groups}, target, notes)


def groups_of(
    file: Path, part: str, features: str | None, labels: str | None, by: str | None = None
) -> tuple[dict[str, Group], str, list[str]]:
    """Find the rows of a part in a file; with those of training, the others beside them.

    Returns:
        The rows by part; what the labels are called but for their part; what is to be said, a sentence each.

    Raises:
        UserError: what is what is not clear, or numbers of rows differ.
    """
    arrays = read_arrays(file)
    x_names = features_of(file, arrays, features, part).names
    by_names = {} if by is None else family_named(file, arrays, by, "split.by", part).names
    y_file, y_arrays, (target, y_names) = labels_of(file, arrays, labels, {*x_names.values(), *by_names.values()}, part)
    groups, notes = dict[str, Group](), list[str]()
    for name, x_name in x_names.items() if part == "train" else [(part, x_names[part])]:
        if name not in y_names:
            notes.append(f"'{x_name}' has no labels beside it, as '{x_names[part]}' has, and is not used")
            continue
        if by is not None and name not in by_names:
            raise UserError(f"data.split.by={by}: {file} has no such array for '{x_name}'")
        x, y_name = arrays[x_name], y_names[name]
        y = one_a_row(y_arrays[y_name], f"data.labels: '{y_name}'", len(x))
        if y.dtype.kind == "f":
            refuse_infinite(y[:, None].astype(np.float64), f"{y_file}, labels", (y_name,))
        groups[name] = Group(file, x_name, flat(x), kind_of(x), y_name, y, _by(file, arrays, by_names.get(name), x))
    return groups, target, notes


def _by(file: Path, arrays: Arrays, name: str | None, x: Array) -> Array | None:
    if name is None:
        return None
    values = one_a_row(arrays[name], f"data.split.by: '{name}'", len(x))
    if values.dtype.kind == "f":
        refuse_infinite(values[:, None], f"{file}, data.split.by", (name,))
    return values


def flat(x: Array) -> Array:
    """Lay what belongs to a row side by side, (rows, n_features)."""
    return x.reshape(len(x), int(np.prod(x.shape[1:])))


def features_of(file: Path, arrays: Arrays, name: str | None, part: str) -> ArrayFamily:
    """Find the features of a part; None: by their usual names, or as the only ones.

    Raises:
        UserError: it is not clear which they are.
    """
    if name is not None:
        family = family_named(file, arrays, name, "features", part)
        for array in map(arrays.__getitem__, family.names.values()):
            if array.ndim < 2 or array.dtype.kind not in "fiub":
                raise UserError(f"data.features={name} is {kind_of(array)}; it must be numbers, rows x features")
        return family
    offered = [(family, arrays[family.names[part]]) for family in families(file, arrays, part)]
    usual = [
        family for family, array in offered if family.stem in FEATURES and array.ndim > 1 and array.dtype.kind in "fiu"
    ]
    candidates = usual or [family for family, array in offered if array.ndim == 2 and array.dtype.kind == "f"]
    if len(candidates) != 1:
        raise UserError(f"data.features: name the array of features in {file}, which holds {listed(arrays)}")
    return candidates[0]


def _is_file(labels: str, arrays: Arrays) -> bool:
    return labels not in arrays and Path(labels).expanduser().is_file()


def labels_of(
    file: Path, arrays: Arrays, name: str | None, taken: Collection[str], part: str
) -> tuple[Path, Arrays, ArrayFamily]:
    """Return the file and the arrays among which the labels of a part are, and their names; `taken` are none.

    Raises:
        UserError: it is not clear which they are.
    """
    if name is not None and _is_file(name, arrays):
        file = Path(name).expanduser()
        arrays, taken, name = read_arrays(file), (), None
        if len(arrays) == 1:
            (only,) = arrays
            return file, arrays, ArrayFamily(only, {part: only})
    if name is not None:
        if name not in arrays and Path(name).suffix in READERS:
            raise UserError(f"data.labels={name}: there is no such file, and no such array in {file}")
        return file, arrays, family_named(file, arrays, name, "labels", part)
    rest = families(file, [name for name in arrays if name not in taken], part)
    candidates = [family for family in rest if family.stem in LABELS] or [
        family for family in rest if arrays[family.names[part]].ndim == 1
    ]
    if len(candidates) != 1:
        raise UserError(
            f"data.labels: name the array of labels in {file}, which holds {listed(arrays)}; or a second file with them"
        )
    return file, arrays, candidates[0]


def one_a_row(values: Array, what: str, n_rows: int) -> Array:
    """Return values (rows,), of which there must be as many as rows.

    Raises:
        UserError: there are not, or they are neither numbers nor texts.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "fiubUS":
        raise UserError(f"{what} is {kind_of(values)}; it must hold one number or text for each row")
    if len(values) != n_rows:
        raise UserError(f"{what} has {len(values)} rows, but the features have {n_rows}")
    return values


def _joined(groups: Mapping[str, Group], target: str, notes: list[str]) -> Table:
    """Lay the rows of all parts below one another."""
    train, *others = groups.values()
    for other in others:
        _refuse_misfit(train, other)
    rows = [len(group.x) for group in groups.values()]
    columns = tuple(f"x{j}" for j in range(train.x.shape[1]))
    xs = [np.ascontiguousarray(group.x, dtype=np.float64) for group in groups.values()]
    for group, x in zip(groups.values(), xs, strict=True):
        refuse_infinite(x, f"{group.file}, '{group.x_name}'", columns)
    y, classes = np.concatenate([group.y for group in groups.values()]), None
    if y.dtype.kind == "f":
        y = y.astype(np.float64)
    else:
        y, classes = class_target(y, f"{train.file}, '{train.y_name}'")
    kind = "numbers" if classes is None else f"{len(classes)} classes"
    described = [f"features are '{train.x_name}' ({_shape(train)}), labels are '{train.y_name}', {kind}"]
    described += [
        f"{part} rows are '{group.x_name}' ({_shape(group)}) and '{group.y_name}'"
        + (f" of {group.file}" if group.file != train.file else "")
        for part, group in list(groups.items())[1:]
    ]
    by = [group.by for group in groups.values() if group.by is not None]
    part = np.repeat([PARTS.index(name) for name in groups], rows) if others else None
    return Table(
        np.concatenate(xs) if others else xs[0],
        y,
        columns,
        target,
        classes,
        by=np.concatenate(by) if by else None,
        part=part,
        origin=Origin(typed=train.y.dtype.kind in "fiub", features=(part_of(train.x_name) or (train.x_name,))[0]),
        notes=("; ".join(described), *notes),
    )


def _shape(group: Group) -> str:
    return f"{group.x_kind}, flattened" if group.x_kind.count(" x ") > 1 else group.x_kind


def _refuse_misfit(train: Group, other: Group) -> None:
    """Refuse rows of another part that cannot be those of the same model."""
    there = f"{other.file}: '{other.x_name}'"
    for group in (train, other):
        if not len(group.x):
            raise UserError(f"{group.file}: '{group.x_name}' has no rows")
    if other.x.shape[1] != train.x.shape[1]:
        raise UserError(
            f"{there} has {other.x.shape[1]} features, but '{train.x_name}' of {train.file} has {train.x.shape[1]}"
        )
    if other.x.dtype.kind != train.x.dtype.kind:
        raise UserError(
            f"{there} is {other.x.dtype}, but '{train.x_name}' of {train.file} is {train.x.dtype}: whole numbers are "
            "often scaled otherwise than fractions; save both alike"
        )
    kinds = [
        {"i": "whole", "u": "whole", "b": "whole"}.get(group.y.dtype.kind, group.y.dtype.kind)
        for group in (train, other)
    ]
    if kinds[0] != kinds[1]:
        raise UserError(
            f"{other.file}: '{other.y_name}' is {kind_of(other.y)}, but '{train.y_name}' of {train.file} is "
            f"{kind_of(train.y)}; save both alike"
        )
