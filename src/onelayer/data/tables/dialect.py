"""How delimited files are written, and the SQL that reads them so."""

from dataclasses import dataclass, fields
from typing import Any

from onelayer.data.tables import sql

TEXT = "VARCHAR"


@dataclass(frozen=True)
class Dialect:
    """How files are written.

    Attributes:
        files: their paths.
        separator: between two fields.
        quote: around a field that holds separators, and doubled in it for itself.
        encoding: of the bytes.
        missing: spellings of a missing value.
        header: the first line names the columns.
        skip: lines above the first record, those of `skip_rows` among them.
        skip_rows: lines on top that the user leaves out.
        comment: what a line begins with that the user leaves out.
        crlf: lines end in both signs, which is said where they are known to, since a field may hold others.
        columns: their names.
    """

    files: tuple[str, ...]
    separator: str
    quote: str
    encoding: str
    missing: tuple[str, ...]
    header: bool
    skip: int = 0
    skip_rows: int = 0
    comment: str | None = None
    crlf: bool = False
    columns: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, Any]:
        """How others like these are written: all but which files they are and what a model keeps elsewhere."""
        form = {field.name: getattr(self, field.name) for field in fields(self)}
        names = {} if self.header else {"columns": list(self.columns)}
        return {key: form[key] for key in form if key not in ("files", "missing", "columns", "skip", "crlf")} | names

    @property
    def reader(self) -> str:
        """The SQL that reads the files, all columns as text."""
        columns = ", ".join(f"{sql.text(name)}: 'VARCHAR'" for name in self.columns)
        files = sql.texts(sql.literal_path(file) for file in self.files)
        form = f"auto_detect = false, header = {str(self.header).lower()}, {self._written}"
        return f"read_csv({files}, {form}, columns = {{{columns}}})"

    def sniffer(self, file: str, rows: int) -> str:
        """The SQL that finds header and types of one file from so many rows; -1 for all."""
        return f"sniff_csv({sql.text(sql.literal_path(file))}, {self._written}, sample_size = {rows})"

    @property
    def _written(self) -> str:
        quote, encoding, missing = sql.text(self.quote), sql.text(self.encoding), sql.texts(self.missing)
        signs = f"delim = {sql.text(self.separator)}, quote = {quote}, escape = {quote}, comment = ''"
        ends = ", new_line = '\\r\\n'" if self.crlf else ""
        return f"{signs}, encoding = {encoding}, skip = {self.skip}, nullstr = {missing}{ends}"


def raw_lines(file: str, encoding: str) -> str:
    """Return the SQL that reads a file as lines, whatever stands in them."""
    # a separator that no file has: one control character alone does occur
    form = (
        "auto_detect = false, header = false, delim = '\x01\x02\x03\x04', quote = '', escape = '', strict_mode = false"
    )
    path, columns = sql.text(sql.literal_path(file)), "{'line': 'VARCHAR'}"
    return f"read_csv({path}, {form}, encoding = {sql.text(encoding)}, columns = {columns})"
