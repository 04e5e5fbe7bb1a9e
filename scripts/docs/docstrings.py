"""What docstrings in Google's style say of arguments."""

import re


def arguments_of(docstring: str) -> dict[str, str]:
    """Each argument of a docstring in Google's style with the first sentence about it."""
    found, name, text = {}, "", ""
    rest = re.split(r"(?:Args|Attributes):\n", docstring, maxsplit=1)[-1]
    for line in rest.splitlines():
        if line.strip() and not line.startswith(" "):
            break
        if start := re.match(r" {2,4}(\w+)(?: \(.*?\))?\s*:\s*(.*)", line):
            found[name], (name, text) = text, (start[1], start[2])
        elif line.startswith("     "):
            text = f"{text} {line.strip()}"
    found[name] = text
    found.pop("", None)
    return {key: first_sentence(value) for key, value in found.items()}


def first_sentence(text: str) -> str:
    """The first sentence in plain Markdown, without what it says of defaults."""
    plain = re.sub(r":\w+:`~?([^`<]*?)(?: <[^`]*>)?`", r"`\1`", text)
    plain = re.sub(r"\s*\(default.*\)\s*", "", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\s*Default:.*", "", plain)
    first = re.split(r"(?<=[\w`)])\.(?:\s|$)", plain.replace("``", "`").strip())[0]
    return first[:1].lower() + first[1:] if re.match(r"[A-Z][a-z]+ ", first) else first
