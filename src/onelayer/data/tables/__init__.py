"""Tables on disk, from SQL or from Python, read through duckdb: open them, understand their columns, fetch the rows."""
