"""Types: the package passes the type checker, and the stub of the part in Rust says what is there."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[3]


def checked(*arguments):
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_passes_the_type_checker():
    checked("mypy", "--package", "opportune")


def test_the_stub_says_what_is_there():
    checked("mypy.stubtest", "--mypy-config-file", "pyproject.toml", "opportune._core")
