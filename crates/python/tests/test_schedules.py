"""Schedules without a framework."""

import copy
import importlib.util
import inspect
import pathlib
import pickle

import numpy as np
import pytest

from opportune import _core, schedules

ROOT = pathlib.Path(__file__).parents[3]
KINDS = _core.kinds()


def classes():
    return [getattr(schedules, kind["class_name"]) for kind in KINDS]


def test_the_classes_are_those_that_the_core_describes():
    path = ROOT / "xtask/python/schedule_classes.py"
    spec = importlib.util.spec_from_file_location("schedule_classes", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.FILE.read_text() == script.source(KINDS), f"run {path.relative_to(ROOT)}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_text_expression_and_pickle_read_back_to_the_same_schedule(kind):
    schedule = schedules.parse(kind["example"])
    assert type(schedule).__name__ == schedule_class(kind["example"])
    again = [
        schedules.parse(str(schedule)),
        eval(repr(schedule), vars(schedules)),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
    ]
    for one in again:
        assert one == schedule and type(one) is type(schedule) and hash(one) == hash(schedule)


def schedule_class(text):
    name = text.split("(")[0]
    return next(kind["class_name"] for kind in KINDS if kind["name"] == name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_every_parameter_can_be_given(kind):
    signature = inspect.signature(getattr(schedules, kind["class_name"]))
    names = ["from_" if one["name"] == "from" else one["name"] for one in kind["parameters"]]
    assert sorted(signature.parameters) == sorted(names or ["schedules"])
    for name, parameter in signature.parameters.items():
        needed = [one for one in kind["parameters"] if one["name"] == name and one["default"] is None]
        assert (parameter.default is inspect.Parameter.empty) == bool(needed) or name == "schedules"


def test_rates_are_those_of_the_formula():
    schedule = schedules.Exponential(gamma=0.95)
    assert schedule.rates(0.001, epochs=100) == [0.001 * 0.95**epoch for epoch in range(100)]
    assert schedule.rate(29, 0.001, steps_per_epoch=10) == 0.001 * 0.95**2
    resolved = schedule.resolve(0.001, epochs=5, steps_per_epoch=2)
    assert (resolved.steps, len(resolved.rates())) == (10, 10)
    assert resolved.rates(2, 4) == [resolved.rate(2), resolved.rate(3)]


def test_momentum_is_cycled_against_the_rate():
    schedule = schedules.Cyclic(base=1e-4, max=1e-2, up=20, momentum=(0.8, 0.9))
    resolved = schedule.resolve()
    assert schedule.cycles_momentum and schedule.owns_rate
    assert [resolved.momentum(step) for step in (0, 20, 40)] == pytest.approx([0.9, 0.8, 0.9], abs=1e-15)
    assert schedules.Cosine().resolve(0.1, epochs=3).momentum(1) is None


@pytest.mark.parametrize(
    "schedule, text",
    [
        (lambda: schedules.Linear(from_=0, over="10%"), "linear(from=0, over=10%)"),
        (lambda: schedules.MultiStep(at=[30, "90%"], gamma=0.5), "multi_step(at=[30, 90%], gamma=0.5)"),
        (lambda: schedules.MultiStep(at=np.array([3, 6])), "multi_step(at=[3, 6])"),
        (lambda: schedules.Exponential(gamma=np.float32(0.5), staircase=True), "exponential(gamma=0.5, staircase=true)"),
        (lambda: schedules.Step(every=np.int64(3)), "step(every=3)"),
        (lambda: schedules.Formula("base * 0.9**epoch"), 'formula("base * 0.9**epoch")'),
        (lambda: schedules.Formula("base"), 'formula("base")'),
        (lambda: schedules.Table([0.1, 0.01], every=2), "table([0.1, 0.01], every=2)"),
        (
            lambda: schedules.Chain(schedules.Cosine(), schedules.Step(every=20, gamma=0.5)),
            "chain(cosine, step(every=20, gamma=0.5))",
        ),
    ],
)
def test_values_of_python_are_written_as_text(schedule, text):
    made = schedule()
    assert made == schedules.parse(text), str(made)


@pytest.mark.parametrize(
    "mistake, error, message",
    [
        (lambda: schedules.parse("cosin"), ValueError, "schedule, character 1: unknown schedule 'cosin'; did you mean"),
        (lambda: schedules.Step(), TypeError, "every"),
        (lambda: schedules.Step(every=3, gama=1), TypeError, "gama"),
        (lambda: schedules.Step(every=3, gamma=object()), TypeError, "gamma is of the type object"),
        (lambda: schedules.Step(every=-3), ValueError, "a length of step is -3; give one above 0"),
        (lambda: schedules.Step(every=float("nan")), ValueError, "schedule, character"),
        (lambda: schedules.Cosine().rate(3, 0.1), ValueError, "depend on the number of epochs; give epochs"),
        (lambda: schedules.Cosine().rates(epochs=3), ValueError, "none is given; give a learning rate"),
        (lambda: schedules.Cosine().rates(-1.0, epochs=3), ValueError, "give a number above 0"),
        (lambda: schedules.Cosine().rates(0.1, epochs=0), ValueError, "the run has 0 epochs"),
        (lambda: schedules.Cosine().rates(0.1, epochs=3, steps_per_epoch=0), ValueError, "no optimizer steps"),
        (lambda: schedules.Cosine().rates(0.1, epochs=-1), OverflowError, ""),
        (lambda: schedules.Constant().resolve(0.1).rates(), ValueError, "it is not known where the run ends"),
        (lambda: schedules.Constant().resolve(0.1).rates(0, 2**60), ValueError, "ask for at most"),
        (lambda: schedules.Sequence(), ValueError, "sequence"),
    ],
)
def test_mistakes_are_exceptions_of_one_line(mistake, error, message):
    with pytest.raises(error) as raised:
        mistake()
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_schedules_of_others_are_read():
    schedule, base = schedules.import_schedule("keras", "CosineDecay(0.1, decay_steps=60)", ticks=60)
    assert isinstance(schedule, schedules.Cosine) and base == 0.1
    with pytest.raises(ValueError, match="unknown source 'torhc'"):
        schedules.import_schedule("torhc", "StepLR(3)", ticks=60)
