"""Types: the package passes the type checker, and the stub of the part in Rust is what its sources give and says what is there."""

import os
import pathlib
import subprocess
import sys
from typing import get_type_hints

from opportune import _core, _types

ROOT = pathlib.Path(__file__).parents[3]


def checked(*arguments):
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_passes_the_type_checker():
    checked("mypy", "--package", "opportune")


def test_the_stub_says_what_is_there():
    checked("mypy.stubtest", "--mypy-config-file", "pyproject.toml", "opportune._core")


def test_the_stub_is_what_the_sources_give():
    committed = ROOT / "crates/python/python/opportune/_core.pyi"
    path = os.environ.get("OPPORTUNE_STUB")
    assert path, "cargo xtask test makes a stub from the sources and names it in OPPORTUNE_STUB: run the tests with it"
    made = pathlib.Path(path)
    assert committed.read_text() == made.read_text(), "write it anew with `cargo xtask stub`, and commit it"


def test_dictionaries_have_the_keys_that_are_written_by_hand():
    for kind in _core.kinds():
        assert list(kind) == list(get_type_hints(_types.Kind))
        for parameter in kind["parameters"]:
            assert list(parameter) == list(get_type_hints(_types.Parameter))
    assert list(_core.Sweep().suggestions) == list(get_type_hints(_types.Suggestions))
