"""What a run leaves behind: curves, checkpoints, the delivered model, and result.json."""
