"""The program that comes with the package: the same as the one of cargo."""

import os
import pathlib
import signal
import subprocess
import sysconfig
import time

import pytest

INSTALLED = pathlib.Path(sysconfig.get_path("scripts")) / ("opportune.exe" if os.name == "nt" else "opportune")
DIGITS = pathlib.Path(__file__).parents[3] / "examples/data/digits.csv"


def ran(program, folder, *words):
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words, code",
    [
        (["--version"], 0),
        (["schedule", "cosine", "--epochs", "3", "--json"], 0),
        (["tune", "absent.csv"], 2),
        (["fit", DIGITS, "--epoch", "3"], 2),
        (["fit", DIGITS, "--epochs", "3", "--hidden", "4", "--optimizer", "sgd", "--lr", "1e30", "--quiet", "--json"], 1),
    ],
)
def test_it_says_and_exits_as_the_program_does(tmp_path, words, code):
    program = os.environ.get("OPPORTUNE_PROGRAM")
    assert program, "OPPORTUNE_PROGRAM names the program, as cargo xtask test does"
    folders = [tmp_path / name for name in ("installed", "cargo")]
    for folder in folders:
        folder.mkdir()
    ours, theirs = (ran(*both, *words) for both in zip((INSTALLED, program), folders, strict=True))
    if "fit" not in words:
        assert ours == theirs
    assert ours[0] == theirs[0] == code and ours[2] == theirs[2]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_an_interrupt_saves_and_says_how_to_go_on(tmp_path):
    words = [INSTALLED, "fit", DIGITS, "--epochs", "100000", "--hidden", "200"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        # It catches interrupts before it trains.
        while "training on" not in running.stderr.readline():
            pass
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130 and "everything is saved" in said and "opportune fit" in said
