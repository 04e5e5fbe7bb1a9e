"""Which way a metric is better; apart from the metrics, for those who only read results."""

HIGHER_IS_BETTER = frozenset({"r2", "accuracy", "f1", "auroc"})


def higher_is_better(metric: str) -> bool:
    """Whether more is better of ``stage/name``."""
    return metric.partition("/")[2] in HIGHER_IS_BETTER
