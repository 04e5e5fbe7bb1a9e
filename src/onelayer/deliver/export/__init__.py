"""A trained model as a file that other programs run, checked against `predict` before it is handed over.

exporting.py        the table of targets; write, check, write with the record of the check, rename
rows.py             the rows of the check: those of a table, as it has them and as they are read
invented.py         rows that are hard to get right
parity.py           how far an export is from `predict`
inputs.py           what the raw columns are called outside
onnx_graph.py  torch_program.py  pipeline.py  sql_text.py        one target each
sql_reading.py      what reading does to a column, in SQL
sql_check.py        what the statement says, on the table itself
"""
