"""Whether a command printed what a page shows; docs/contribute/docs.md says what may differ."""

import re

# not a version such as 2.13.0, not the 0.5 of 0.5x
NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)(?![\w]|\.\d)")
ANY_NUMBER = r"([-+−]?\d+\.?\d*(?:[eE][-+]?\d+)?)"
RELATIVE = 0.01
ANY = "…"


def difference(shown: str, came: str) -> str | None:
    """Say where what came is not what is shown; None where it is."""
    wanted, got = _lines(shown), _lines(came)
    reached = 0

    def matches(i: int, j: int) -> bool:
        nonlocal reached
        while i < len(wanted):
            if wanted[i] == ANY:
                return any(matches(i + 1, k) for k in range(j, len(got) + 1))
            if j == len(got) or not same(wanted[i], got[j]):
                reached = max(reached, i)
                return False
            i, j = i + 1, j + 1
        reached = max(reached, i)
        return j == len(got)

    if matches(0, 0):
        return None
    line = f"shown: {wanted[reached]}" if reached < len(wanted) else "more came than is shown"
    return f"{line}\nwhat came:\n{came}"


def same(shown: str, came: str) -> bool:
    """Whether one line is the line shown, but for `…` and the last digits of numbers."""
    pattern, numbers, end = "", [], 0
    for number in NUMBER.finditer(shown):
        pattern += _literal(shown[end : number.start()]) + ANY_NUMBER
        numbers.append(number[0])
        end = number.end()
    found = re.fullmatch(pattern + _literal(shown[end:]), came)
    return found is not None and all(map(_close, numbers, found.groups()))


def _literal(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split(ANY))


def _close(shown: str, came: str) -> bool:
    a, b = (float(one.replace("−", "-")) for one in (shown, came))
    mantissa, _, exponent = shown.lower().partition("e")
    last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(a - b) <= max(RELATIVE * abs(a), 1.0001 * last)


def _lines(text: str) -> list[str]:
    """Lines without empty ones, whose columns and rules have no widths."""
    lines = [re.sub(r"([─━═-])\1+", r"\1", re.sub(r"\s+", " ", line)).strip() for line in text.splitlines()]
    return [line for line in lines if line]
