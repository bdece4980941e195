"""Studies: what is asked, told and remembered, and that the command line shows it."""

import math
import os
import pathlib
import sqlite3
import subprocess
import sys

import pytest

from opportune import Range, Study

SPACE = {"lr": Range(1e-4, 1.0, log=True), "batch": Range(16, 64, whole=True), "optimizer": ["sgd", "adam"], "hidden": [[8], [8, 8]]}


def train(trial, epochs=9, from_epoch=1):
    """A training whose loss is lowest at a rate of 0.01."""
    for epoch in range(from_epoch, epochs + 1):
        loss = abs(math.log10(trial.config["lr"]) + 2) + 1 / epoch
        trial.report(epoch, loss=loss, score=1 - loss, lr=trial.config["lr"])
        if trial.should_stop():
            break


def url(folder):
    return f"sqlite:///{folder / 'studies.db'}"


def test_points_are_drawn_from_the_space_as_functions_of_their_number():
    configs = [Study("a", SPACE).ask().config]
    study = Study("b", SPACE)
    configs += [study.ask().config for _ in range(30)]
    assert configs[0] == configs[1] and len({str(one) for one in configs}) == 30
    for one in configs:
        assert 1e-4 <= one["lr"] <= 1 and isinstance(one["batch"], int) and 16 <= one["batch"] <= 64
        assert one["optimizer"] in ("sgd", "adam") and one["hidden"] in ([8], [8, 8])
    other = Study("c", SPACE, seed=1), Study("d", SPACE, sampler="random")
    assert all(study.ask().config != configs[0] for study in other)


def test_the_best_trial_is_found_and_others_are_stopped():
    study = Study("quick", {"lr": Range(1e-4, 1.0, log=True)})
    for trial in study.trials(27):
        train(trial)
    results = study.results
    assert [one.number for one in results] == list(range(27))
    assert {one.stopped for one in results} == {"early", "complete"}
    assert all(len(one.epochs) in (1, 3, 9) for one in results)
    assert 0.003 < study.best.config["lr"] < 0.03 and study.best.best_epoch == 9
    # What was compared: at each rung the place among those that came so far.
    for rung in (1, 3):
        came = [one for one in results if len(one.epochs) >= rung]
        for place, one in enumerate(came):
            losses = sorted(other.epochs[rung - 1].loss for other in came[: place + 1])
            goes_on = losses.index(one.epochs[rung - 1].loss) < math.ceil(len(losses) / 3)
            assert goes_on == (len(one.epochs) > rung)


def test_without_pruning_only_divergence_stops():
    study = Study("all", {"lr": [0.1, 0.01]}, pruning=None)
    for trial in study.trials(3):
        train(trial)
    with study.ask() as trial:
        trial.report(1, loss=0.5)
        assert not trial.should_stop()
        trial.report(2, loss=math.nan)
        assert trial.should_stop()
    with pytest.raises(RuntimeError, match="out of memory"), study.ask() as trial:
        trial.report(1, loss=math.inf)
        raise RuntimeError("out of memory")
    assert [one.stopped for one in study.results] == ["complete"] * 3 + ["diverged", "failed"]
    assert [one.best_epoch for one in study.results] == [9, 9, 9, 1, 1]
    assert math.isnan(study.results[3].epochs[1].loss) and study.results[4].loss == math.inf


def test_trials_may_be_in_work_together():
    study = Study("beside", SPACE, pruning=None)
    trials = [study.ask() for _ in range(4)]
    for epoch in range(1, 4):
        for trial in trials:
            trial.report(epoch, loss=epoch + trial.number)
    for trial in reversed(trials):
        trial.finish()
        trial.finish()
    assert [one.number for one in study.results] == [0, 1, 2, 3]
    assert [epoch.loss for epoch in study.results[2].epochs] == [3.0, 4.0, 5.0]


def test_a_study_is_remembered_and_goes_on_in_another_process(tmp_path):
    code = f"""
import os
from opportune import Range, Study
study = Study("kept", {{"lr": Range(1e-4, 1.0, log=True)}}, storage={url(tmp_path)!r})
for trial in study.trials(3):
    for epoch in range(1, 4):
        trial.report(epoch, loss=trial.config["lr"])
trial = study.ask()
trial.report(1, loss=0.5)
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    study = Study("kept", {"lr": Range(1e-4, 1.0, log=True)}, storage=url(tmp_path))
    before = study.results
    assert [one.number for one in before] == [0, 1, 2] and len(before[0].epochs) == 3
    # The one that was not ended comes again, from its beginning; then new ones.
    alone = Study("alone", {"lr": Range(1e-4, 1.0, log=True)})
    points = [alone.ask().config for _ in range(5)]
    again, new = study.ask(), study.ask()
    assert (again.number, again.config) == (3, points[3]) and (new.number, new.config) == (4, points[4])
    train(again, 2)
    again.finish()
    assert study.results[:3] == before and len(study.results[3].epochs) in (1, 2)


def test_a_study_in_work_or_of_other_settings_is_refused(tmp_path):
    study = Study("one", {"lr": [0.1]}, storage=url(tmp_path))
    with pytest.raises(OSError, match="is in work in another process"):
        Study("one", {"lr": [0.1]}, storage=url(tmp_path))
    del study
    with pytest.raises(ValueError, match="was made with other settings"):
        Study("one", {"lr": [0.2]}, storage=url(tmp_path))
    with pytest.raises(OSError, match="there is no folder"):
        Study("one", {"lr": [0.1]}, storage=url(tmp_path / "nowhere"))


def test_what_is_kept_is_columns_and_json(tmp_path):
    study = Study("plain", SPACE, storage=url(tmp_path), score="accuracy")
    for trial in study.trials(2):
        train(trial, 3)
    connection = sqlite3.connect(tmp_path / "studies.db")
    rows = connection.execute("SELECT stage, epoch, validation_loss, validation_score, rate FROM epoch").fetchall()
    assert len(rows) == sum(len(one.epochs) for one in study.results)
    assert rows[0][2:] == (study.results[0].epochs[0].loss, study.results[0].epochs[0].score, study.results[0].config["lr"])
    connection.close()


def test_the_command_line_shows_it(tmp_path):
    program = os.environ.get("OPPORTUNE_PROGRAM")
    assert program, "OPPORTUNE_PROGRAM names the program, as cargo xtask test does"
    study = Study("shown", SPACE, storage=url(tmp_path), score="accuracy")
    for trial in study.trials(5):
        train(trial, 3)
    del study, trial

    def printed(*words):
        command = [pathlib.Path(program), *words, "--storage", url(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "shown" in printed("studies") and "5 trials" in printed("studies")
    table = printed("show", "shown")
    assert "study 'shown' of a program in Python: 5 trials" in table and "adam" in table and "accuracy" in table
    assert printed("show", "shown", "--json").count('"trial"') >= 5


@pytest.mark.parametrize(
    "mistake, error, message",
    [
        (lambda: Study("a", {}), ValueError, "space: there are no parameters"),
        (lambda: Study("a", {"lr": []}), ValueError, "space: lr has no values"),
        (lambda: Study("a", {"lr": Range(1, 0)}), ValueError, "space: lr is no range"),
        (lambda: Study("a", {"lr": Range(math.nan, 1)}), ValueError, "space: lr is no range"),
        (lambda: Study("a", {"lr": Range(0, 1, log=True)}), ValueError, "give log=False"),
        (lambda: Study("a", {"lr": Range(0.5, 1, whole=True)}), ValueError, "give whole numbers from 0 up"),
        (lambda: Study("a", {"lr": "0.1"}), TypeError, "lr is of the type str"),
        (lambda: Study("a", {"lr": [object()]}), TypeError, "lr has the value"),
        (lambda: Study("a", {"lr": [True]}), TypeError, "lr has the value True"),
        (lambda: Study("a", {"lr": [1]}, sampler="grid"), ValueError, "unknown sampler 'grid'"),
        (lambda: Study("a", {"lr": [1]}, score="precision"), ValueError, "score is 'precision'"),
        (lambda: Study("a", {"lr": [1]}, pruning="median"), ValueError, "pruning is 'median'"),
        (lambda: Study("a", {"lr": [1]}, eta=1), ValueError, "give at least 1 and 2"),
        (lambda: Study("a", {"lr": [1]}, storage="mysql://x"), ValueError, "there is no storage of kind 'mysql'"),
        (lambda: Study("a", {"lr": [1]}).best, ValueError, "no trial of the study 'a' has ended"),
        (lambda: Study("a", {"lr": [1]}).ask().report(2, loss=1.0), ValueError, "epoch 2 of trial 0 is reported, where 1"),
        (lambda: Study("a", {"lr": [1]}).ask().report(-1, loss=1.0), ValueError, "epoch -1 of trial 0 is reported"),
    ],
)
def test_mistakes_are_exceptions_of_one_line(mistake, error, message):
    with pytest.raises(error) as raised:
        mistake()
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_trial_that_ended_takes_no_more():
    trial = Study("a", {"lr": [1]}).ask()
    trial.finish()
    for late in (lambda: trial.report(1, loss=1.0), trial.should_stop):
        with pytest.raises(ValueError, match="trial 0 is not in work"):
            late()
