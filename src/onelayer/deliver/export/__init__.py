"""A trained model as a file that other programs run, checked against `predict` before it is handed over.

exporting.py        the table of targets; write, check, write with the record of the check, rename
rows.py             the rows of the check: the run's own, and invented ones
parity.py           how far an export is from `predict`
inputs.py           what the raw columns are called outside
formulas.py         links, written once for all targets
onnx_graph.py  torch_program.py  pipeline.py  sql_text.py        one target each
"""
