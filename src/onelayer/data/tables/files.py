"""From a path to files: one, those of a pattern, or those of a folder."""

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onelayer.errors import UserError, did_you_mean

Form = Literal["delimited", "parquet", "json"]
FORMS: dict[str, Form] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods")
COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Files:
    """Files of one form.

    Attributes:
        paths: in the order of their names.
        form: how they are read.
    """

    paths: tuple[str, ...]
    form: Form


def find_files(path: str, key: str = "path") -> Files:
    """List the files that a path stands for: itself, those that a pattern matches, the Parquet files in a folder.

    Args:
        path: as the user typed it.
        key: of `data`, which says so.

    Raises:
        UserError: there is none, or they are of no known form or of several.
    """
    if "://" in path:
        raise UserError(f"data.{key}={path}: files are read from this machine alone; fetch it first")
    here = Path(path).expanduser()
    if here.is_dir():
        found = sorted(str(one) for one in here.rglob("*.parquet"))
        if not found:
            raise UserError(f"data.{key}={path}: the folder has no .parquet files; for others write {path}/*.csv")
    elif here.exists():
        found = [str(here)]
    elif glob.has_magic(path):
        found = sorted(one for one in glob.glob(str(here), recursive=True) if Path(one).is_file())  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not found:
            raise UserError(f"data.{key}={path}: no file matches this pattern{beside(here)}")
    else:
        raise UserError(f"data.{key}={path}: there is no such file{beside(here)}")
    forms = {_form(one) for one in found}
    if len(forms) > 1:
        raise UserError(f"data.{key}={path}: matches files of several forms ({', '.join(sorted(forms))}); choose one")
    return Files(tuple(found), forms.pop())


def _form(path: str) -> Form:
    suffix = suffix_of(path)
    if suffix in SHEETS:
        raise UserError(f"{path}: a spreadsheet is no table yet; save its sheet as CSV (.csv), and name that file")
    if suffix not in FORMS:
        known = ", ".join(FORMS)
        raise UserError(
            f"{path}: a table ends in {known} (or .gz or .zst after that); give lines of text a name in .txt, "
            "and read other files with data.query"
        )
    return FORMS[suffix]


def suffix_of(path: str) -> str:
    """Return how the name of a file ends, but for a compression: .csv of a.csv.gz."""
    suffixes = [one.lower() for one in Path(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def beside(path: Path) -> str:
    """Say what is there instead: a file of a near name, or the folder that is missing."""
    folder = path.parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    if not folder.is_dir():
        return f"; there is no folder {folder} either"
    if glob.has_magic(path.name):
        return f"; look into {folder.resolve()}"
    near = did_you_mean(path.name, sorted(one.name for one in folder.iterdir()))
    return near or f" in {folder.resolve()}"
