"""What Tab completes: commands, their flags, and the keys and choices of training.

A script for the shell asks `onelayer completion --line LINE`, which answers with one candidate to a line; one that is
complete ends with a space. Where there is none, the shell completes names of files.
"""

import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress

from onelayer.terminal.parser import Parser
from onelayer.terminal.usage import COMMANDS

BASH = """_onelayer() {
    local IFS=$'\\n'
    COMPREPLY=($(onelayer completion --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _onelayer onelayer
"""
ZSH = """(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_onelayer() {
    local found=("${(@f)$(onelayer completion --line "$LBUFFER" 2>/dev/null)}")
    if [[ -n $found[1] ]]; then compadd -Q -S '' -- $found; else _files; fi
}
compdef _onelayer onelayer
"""
FISH = """function _onelayer
    set -l found (onelayer completion --line (commandline -cp | string collect) 2>/dev/null)
    if set -q found[1]
        string trim -- $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c onelayer -f -a '(_onelayer)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(arguments: list[str], run: Callable[[list[str]], None]) -> None:
    """Print the script for a shell, or what it asks for.

    Args:
        arguments: of the command.
        run: runs a command line, without its first word.
    """
    shown = {
        'eval "$(onelayer completion bash)"': "now; for good, in ~/.bashrc",
        'eval "$(onelayer completion zsh)"': "in ~/.zshrc",
        "onelayer completion fish | source": "in ~/.config/fish/config.fish",
    }
    parser = Parser("completion", "A script that lets Tab complete commands, flags, keys and choices.", shown)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("shell", nargs="?", choices=tuple(SCRIPTS), metavar="SHELL", help="bash, zsh or fish")
    what.add_argument("--line", help="print what may follow this line; the scripts ask for it")
    given = parser.parse_args(arguments)
    if given.shell is not None:
        sys.stdout.write(SCRIPTS[given.shell])
        return
    sys.stdout.write("".join(f"{one}\n" for one in candidates(given.line, run)))


def candidates(line: str, run: Callable[[list[str]], None]) -> list[str]:
    """Return what the last word of a line may become.

    Args:
        line: as it was typed, up to the cursor.
        run: runs a command line, without its first word.
    """
    words = line.split(" ")
    command, last = words[1] if len(words) > 2 else None, words[-1]
    if command is None:
        known = [f"{name} " for name in (*COMMANDS, "--help", "--version")]
    elif command == "train" and not last.startswith("-"):
        # Hydra takes the first word for the name of a program
        os.environ["COMP_LINE"] = " ".join(["train", *words[2:]])
        known = _said(["train", "-sc", "query=bash"], run).split()
    elif command in COMMANDS and last.startswith("-"):
        flags = "--hydra-help" if command == "train" else "--help"
        found = re.findall(r"(?<![^\s[])--[a-z][\w-]*", _said([command, flags], run))
        known = [f"{flag} " for flag in dict.fromkeys(found)]
    else:
        known = []
    return [one for one in known if one.startswith(last)]


def _said(arguments: list[str], run: Callable[[list[str]], None]) -> str:
    with redirect_stdout(io.StringIO()) as said, suppress(SystemExit):
        run(arguments)
    return said.getvalue()
