"""What reads the curve of a training: ReduceLROnPlateau, rules of schedules, and early stopping."""

import json
import math

import pytest
import torch
from torch.optim import lr_scheduler

import opportune.torch as ours
from opportune import schedules

RATES = (0.1, 0.03)


def sgd():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    return torch.optim.SGD(groups, lr=1.0)


def metrics(steps=200):
    """A noisy fall that levels off, the same in every run."""
    noise = torch.rand(steps, generator=torch.Generator().manual_seed(3))
    return [1 + math.exp(-step / 20) + 0.1 * float(noise[step]) for step in range(steps)]


PLATEAUS = {
    "as it is": {},
    "impatient": {"patience": 2, "factor": 0.5},
    "absolute": {"patience": 3, "threshold": 0.05, "threshold_mode": "abs"},
    "cooldown": {"patience": 1, "cooldown": 5, "factor": 0.7},
    "lowest by group": {"patience": 2, "factor": 0.3, "min_lr": [1e-3, 1e-2]},
    "highest is best": {"mode": "max", "patience": 2, "factor": 0.8},
    "no change too small": {"patience": 0, "factor": 0.5, "eps": 1e-3},
}


@pytest.mark.parametrize("case", PLATEAUS)
def test_on_a_plateau_rates_fall_as_those_of_torch(case):
    mine, theirs, loaded = sgd(), sgd(), sgd()
    schedulers = [ours.ReduceLROnPlateau(mine, **PLATEAUS[case]), lr_scheduler.ReduceLROnPlateau(theirs, **PLATEAUS[case])]
    assert isinstance(schedulers[0], lr_scheduler.ReduceLROnPlateau)
    changes = 0
    for step, value in enumerate(metrics()):
        if step == 100:
            # Saved and loaded into one that was constructed with nothing of it.
            kept = json.loads(json.dumps(schedulers[0].state_dict()))
            mine, schedulers[0] = loaded, ours.ReduceLROnPlateau(loaded)
            schedulers[0].load_state_dict(kept)
        before = schedulers[1].get_last_lr()
        for scheduler in schedulers:
            scheduler.step(torch.tensor(value))
        assert schedulers[0].get_last_lr() == pytest.approx(schedulers[1].get_last_lr(), rel=1e-13)
        assert [group["lr"] for group in mine.param_groups] == schedulers[0].get_last_lr()
        changes += schedulers[1].get_last_lr() != before
    assert changes > 0


def test_a_metric_that_is_no_number_is_never_better():
    mine, theirs = sgd(), sgd()
    schedulers = [ours.ReduceLROnPlateau(mine, patience=2), lr_scheduler.ReduceLROnPlateau(theirs, patience=2)]
    for value in [1.0, math.nan, math.nan, math.nan, 0.5]:
        for scheduler in schedulers:
            scheduler.step(value)
        assert schedulers[0].get_last_lr() == schedulers[1].get_last_lr()
    assert schedulers[0].get_last_lr()[0] == pytest.approx(0.01)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"factor": 1.5}, "factor of on_plateau is 1.5"),
        ({"mode": "best"}, "unknown mode 'best'"),
        ({"patience": -1}, "patience of ReduceLROnPlateau is -1"),
        ({"min_lr": [0.1]}, "min_lr has 1 values"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ValueError) as raised:
        ours.ReduceLROnPlateau(sgd(), **settings)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["cosine(floor=0.1)", "one_cycle(max=0.3, momentum=0.8..0.9)", "noam(width=64, warmup=3)"])
def test_any_schedule_sets_the_rates_it_has(text):
    momentum = {"momentum": 0.9} if "momentum" in text else {}
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    optimizer = torch.optim.SGD(groups, lr=1.0, **momentum)
    scheduler = ours.Schedule(optimizer, text, epochs=5, steps_per_epoch=4)
    schedule = schedules.parse(text)
    runs = [schedule.resolve(None if schedule.owns_rate else rate, epochs=5, steps_per_epoch=4) for rate in RATES]
    for step in range(25):
        if step == 11:
            kept = json.loads(json.dumps(scheduler.state_dict()))
            scheduler = ours.Schedule(optimizer, "constant", epochs=1)
            scheduler.load_state_dict(kept)
        assert scheduler.get_last_lr() == [run.rate(step) for run in runs]
        if momentum:
            assert optimizer.param_groups[1]["momentum"] == runs[1].momentum(step)
        optimizer.step()
        scheduler.step()


def test_a_schedule_with_a_rule_follows_the_losses_it_is_shown():
    theirs = sgd()
    upstream = lr_scheduler.ReduceLROnPlateau(theirs, patience=2, factor=0.5, eps=0)
    optimizer = sgd()
    text = "on_plateau(patience=2, factor=0.5, eps=0)"
    scheduler = ours.Schedule(optimizer, text, epochs=60, steps_per_epoch=3)
    for epoch, loss in enumerate(metrics(60)):
        for _ in range(3):
            assert scheduler.get_last_lr() == pytest.approx(upstream.get_last_lr(), rel=1e-13)
            optimizer.step()
            scheduler.step()
        scheduler.observe(loss)
        upstream.step(loss)
        if epoch == 30:
            kept = json.loads(json.dumps(scheduler.state_dict()))
            optimizer = sgd()
            scheduler = ours.Schedule(optimizer, text, epochs=60, steps_per_epoch=3)
            scheduler.load_state_dict(kept)
    assert upstream.get_last_lr()[0] < 0.02
    with pytest.raises(ValueError, match="the rates of cosine are known ahead"):
        ours.Schedule(sgd(), "cosine", epochs=3).observe(1.0)


def test_early_stopping_waits_and_keeps_the_best_weights():
    model = torch.nn.Linear(1, 1)
    stopping = ours.EarlyStopping(patience=3, mode="max")
    for epoch, score in enumerate([0.5, 0.7, 0.6, 0.7, 0.65, 0.9]):
        with torch.no_grad():
            model.weight.fill_(epoch)
        if epoch == 2:
            kept = stopping.state_dict()
            stopping = ours.EarlyStopping()
            stopping.load_state_dict(kept)
        if stopping.step(score, model):
            break
    assert (epoch, stopping.best, stopping.best_epoch, stopping.should_stop) == (4, 0.7, 1, True)
    assert stopping.step(0.95, model) and stopping.best == 0.7
    stopping.restore(model)
    assert float(model.weight.detach()) == 1.0


def test_early_stopping_has_a_baseline_and_a_start():
    def stopped(losses, **settings):
        stopping = ours.EarlyStopping(**settings)
        return next((epoch for epoch, loss in enumerate(losses) if stopping.step(loss)), None)

    falling = [1.0 - step / 100 for step in range(50)]
    assert stopped(falling, patience=3) is None
    # As in Keras: better than the best does not end the wait, but puts the stop off.
    assert stopped([1.0, 0.9, 0.8, 0.8, 0.7], patience=3, baseline=0.1) == 3
    assert stopped([1.0, 0.9, 0.8, 0.8, 0.7], patience=3) is None
    assert stopped(falling, patience=3, min_delta=0.05) == 3 and stopped(falling, patience=8, min_delta=0.05) is None
    assert stopped([1.0] * 20, patience=3, start_from_epoch=5) == 8
    assert stopped([1.0, math.nan, math.nan, 0.5], patience=2) == 2
    with pytest.raises(ValueError, match="no weights are kept"):
        ours.EarlyStopping().restore(torch.nn.Linear(1, 1))
    for settings, message in [({"patience": -1}, "patience is -1"), ({"min_delta": -1.0}, "min_delta is -1"), ({"baseline": math.inf}, "baseline is inf")]:
        with pytest.raises(ValueError, match=message):
            ours.EarlyStopping(**settings)
    with pytest.raises(ValueError, match="mode is 'best'"):
        ours.EarlyStopping(mode="best")
