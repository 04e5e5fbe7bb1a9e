"""The objective, the stack of linear models, its optimizers, and the exact optimum they are judged against."""
