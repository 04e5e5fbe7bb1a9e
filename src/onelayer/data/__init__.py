"""From a source's name to blocks of rows: sources -> table -> split -> preprocess -> blocks."""
