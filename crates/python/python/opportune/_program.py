"""The program `opportune`, which the package brings with it."""

import signal
import sys

from . import _core


def main() -> int:
    """Runs it with the words of the command line, and gives its exit code."""
    # Interrupts are the program's own, as they are without Python.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.program(["opportune", *sys.argv[1:]])
