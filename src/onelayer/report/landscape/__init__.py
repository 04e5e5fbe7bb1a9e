"""The loss over two weights, or over one, with the paths of optimizers: as a figure, and as an animation."""
