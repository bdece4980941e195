"""Callbacks and schedules of Keras against its own, with a training that is continued in the middle."""

import math

import keras
import numpy as np
import pytest
from torch.optim import lr_scheduler

import opportune.keras as ours
from opportune import schedules

ROWS, BATCH = 40, 8
STEPS = ROWS // BATCH
INPUTS = np.linspace(-1, 1, ROWS, dtype="float32").reshape(-1, 1)


class Recorder(keras.callbacks.Callback):
    """The rate of each step."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.rates, self.stop_after = [], stop_after

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate.numpy()))

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.stop_after:
            self.model.stop_training = True


def model(rate=0.001):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(rate), "mse")
    return made


def fit(callback, epochs=6, of=None, stop_after=None, **settings):
    """The rate of each step, and the history."""
    recorder = Recorder(stop_after)
    history = (of or model()).fit(
        INPUTS, 2 * INPUTS, BATCH, epochs, verbose=0, callbacks=[callback, recorder], **settings
    )
    return recorder.rates, history.history


def single(values):
    return [float(np.float32(value)) for value in values]


@pytest.mark.parametrize(
    "function",
    [lambda epoch: 0.001 * 0.95**epoch, lambda epoch, lr: lr * 0.9, lambda epoch, lr=None: 0.1 / (1 + epoch)],
)
def test_a_function_gives_the_same_rates_as_with_keras(function):
    mine = fit(ours.LearningRateScheduler(function))
    theirs = fit(keras.callbacks.LearningRateScheduler(function))
    assert mine[0] == theirs[0] and mine[1]["learning_rate"] == theirs[1]["learning_rate"]
    assert mine[1]["loss"] == theirs[1]["loss"]


def test_a_schedule_may_stand_for_the_function():
    mine = fit(ours.LearningRateScheduler("exponential(gamma=0.95)"))
    theirs = fit(keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 * 0.95**epoch))
    assert mine[0] == pytest.approx(theirs[0], rel=1e-7)
    rates, history = fit(ours.LearningRateScheduler(schedules.Cosine(per="step"), lr=0.1))
    expected = schedules.Cosine(per="step").rates(0.1, epochs=6, steps_per_epoch=STEPS)
    assert rates == single(expected) and history["learning_rate"] == single(expected[STEPS - 1 :: STEPS])


def triangular(iteration, low, high, size, mode, gamma):
    """The rate as the best known callback of this name has it."""
    cycle = math.floor(1 + iteration / (2 * size))
    height = max(0.0, 1 - abs(iteration / size - 2 * cycle + 1))
    scale = {"triangular": 1.0, "triangular2": 1 / 2.0 ** (cycle - 1), "exp_range": gamma**iteration}[mode]
    return low + (high - low) * height * scale


@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
def test_cyclic_goes_up_and_down(mode):
    rates, _ = fit(ours.CyclicLR(1e-3, 1e-1, step_size=7, mode=mode, gamma=0.98))
    expected = [triangular(step, 1e-3, 1e-1, 7, mode, 0.98) for step in range(6 * STEPS)]
    assert rates == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("phases", ["two", "three"])
def test_one_cycle_is_that_of_torch(phases):
    import torch

    rates, _ = fit(ours.OneCycle(0.1, up=0.4, phases=phases))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    upstream = lr_scheduler.OneCycleLR(
        optimizer, 0.1, len(rates), pct_start=0.4, cycle_momentum=False, three_phase=phases == "three"
    )
    expected = []
    for _ in rates:
        expected += upstream.get_last_lr()
        optimizer.step()
        upstream.step() if len(expected) < len(rates) else None
    assert rates == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize(
    "callback",
    [
        lambda: ours.LearningRateScheduler("cosine(floor=0.1)", lr=0.01),
        lambda: ours.CyclicLR(1e-3, 1e-1, step_size=7),
        lambda: ours.OneCycle(0.1),
    ],
)
def test_a_training_that_is_saved_and_continued_has_the_same_rates(callback, tmp_path):
    whole, _ = fit(callback())
    begun = model()
    first, _ = fit(callback(), of=begun, stop_after=3)
    begun.save(tmp_path / "model.keras")
    second, _ = fit(callback(), of=keras.saving.load_model(tmp_path / "model.keras"), initial_epoch=3)
    assert len(first) == 3 * STEPS and first + second == whole


def test_a_second_run_begins_with_the_rate_of_the_first():
    callback, one = ours.LearningRateScheduler("exponential(gamma=0.5)"), model(0.1)
    first, _ = fit(callback, of=one)
    assert fit(callback, of=one)[0] == first


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_steps_that_are_not_known_are_refused_only_where_they_matter():
    def batches():
        for _ in range(3):
            yield INPUTS, 2 * INPUTS

    callback = ours.LearningRateScheduler("exponential(gamma=0.5)")
    model().fit(batches(), epochs=1, verbose=0, shuffle=False, callbacks=[callback])
    with pytest.raises(ValueError, match="changes at every step"):
        model().fit(batches(), epochs=1, verbose=0, shuffle=False, callbacks=[ours.OneCycle(0.1)])


def metrics(steps=60):
    noise = np.random.default_rng(3).random(steps)
    return [float(1 + math.exp(-step / 10) + 0.1 * noise[step]) for step in range(steps)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 2, "factor": 0.5},
        {"patience": 0},
        {"patience": 3, "cooldown": 4, "factor": 0.7},
        {"patience": 2, "min_lr": 1e-4, "factor": 0.3},
        {"patience": 2, "min_delta": 0.05, "factor": 0.5},
        {"monitor": "accuracy", "mode": "max", "patience": 2, "factor": 0.8},
    ],
)
def test_on_a_plateau_rates_fall_as_those_of_keras(settings):
    callbacks = [ours.ReduceLROnPlateau(**settings), keras.callbacks.ReduceLROnPlateau(**settings)]
    monitor = settings.get("monitor", "val_loss")
    for callback in callbacks:
        callback.set_model(model())
        callback.on_train_begin()
    for epoch, value in enumerate(metrics()):
        logs = [{monitor: value}, {monitor: value}]
        for callback, log in zip(callbacks, logs):
            callback.on_epoch_end(epoch, log)
        rates = [float(callback.model.optimizer.learning_rate.numpy()) for callback in callbacks]
        assert rates[0] == pytest.approx(rates[1], rel=2e-7) and logs[0] == pytest.approx(logs[1], rel=2e-7)
    assert rates[1] < 0.001


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 4},
        {"patience": 3, "min_delta": 0.02},
        {"patience": 3, "baseline": 0.5},
        {"patience": 2, "start_from_epoch": 10},
        {"monitor": "accuracy", "mode": "max", "patience": 3, "restore_best_weights": True},
        {"patience": 5, "restore_best_weights": True},
    ],
)
def test_early_stopping_stops_where_keras_stops(settings):
    callbacks = [ours.EarlyStopping(**settings), keras.callbacks.EarlyStopping(**settings)]
    monitor = settings.get("monitor", "val_loss")
    ended = []
    for callback in callbacks:
        one = model()
        callback.set_model(one)
        callback.on_train_begin()
        one.stop_training = False
        for epoch, value in enumerate(metrics()):
            one.set_weights([np.full((1, 1), epoch), np.zeros(1)])
            callback.on_epoch_end(epoch, {monitor: value})
            if one.stop_training:
                break
        callback.on_train_end()
        ended.append((epoch, callback.stopped_epoch, callback.best, callback.best_epoch, one.get_weights()[0].item()))
    assert ended[0] == ended[1] and ended[0][0] < 59


def test_a_metric_that_is_not_there_is_told():
    for callback in (ours.ReduceLROnPlateau("val_los", mode="min"), ours.EarlyStopping("val_los", mode="min")):
        callback.set_model(model())
        callback.on_train_begin()
        with pytest.warns(UserWarning, match="`val_los` which is not available"):
            callback.on_epoch_end(0, {"val_loss": 1.0})


SCHEDULES = {
    "CosineDecay(0.1, decay_steps=150, alpha=0.1)": keras.optimizers.schedules.CosineDecay(0.1, 150, alpha=0.1),
    "CosineDecay(0.0, 150, warmup_target=0.1, warmup_steps=30)": keras.optimizers.schedules.CosineDecay(
        0.0, 150, warmup_target=0.1, warmup_steps=30
    ),
    "ExponentialDecay(0.1, 20, 0.9, staircase=True)": keras.optimizers.schedules.ExponentialDecay(0.1, 20, 0.9, True),
    "PiecewiseConstantDecay([50, 100], [0.1, 0.05, 0.01])": keras.optimizers.schedules.PiecewiseConstantDecay(
        [50, 100], [0.1, 0.05, 0.01]
    ),
    "PolynomialDecay(0.1, 150, power=2.0)": keras.optimizers.schedules.PolynomialDecay(0.1, 150, power=2.0),
    "InverseTimeDecay(0.1, 10, 0.5)": keras.optimizers.schedules.InverseTimeDecay(0.1, 10, 0.5),
    "CosineDecayRestarts(0.1, 20)": keras.optimizers.schedules.CosineDecayRestarts(0.1, 20),
}


@pytest.mark.parametrize("text", SCHEDULES)
def test_schedules_have_the_rates_of_those_of_keras(text):
    schedule, base = schedules.import_schedule("keras", text, ticks=200)
    made = ours.Schedule(schedule, base, epochs=200)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    for step in range(200):
        assert float(made(step)) == pytest.approx(float(SCHEDULES[text](step)), rel=3e-6, abs=2e-8)
        assert float(again(step)) == float(made(step))
    assert float(made(1000)) == float(made(200))


def test_an_optimizer_takes_a_schedule_and_goes_on_with_it_after_loading(tmp_path):
    def compiled():
        one = model()
        rate = ours.Schedule("cosine(floor=0.1)", 0.01, epochs=6, steps_per_epoch=STEPS)
        one.compile(keras.optimizers.Adam(rate), "mse")
        return one

    idle, begun = keras.callbacks.Callback(), compiled()
    whole, history = fit(idle, of=compiled(), shuffle=False)
    assert whole[:: STEPS] == pytest.approx(schedules.Cosine(floor=0.1).rates(0.01, epochs=6), rel=1e-1)
    first, before = fit(idle, epochs=3, of=begun, shuffle=False)
    begun.save(tmp_path / "model.keras")
    second, after = fit(idle, epochs=3, of=keras.saving.load_model(tmp_path / "model.keras"), shuffle=False)
    assert first + second == whole
    assert before["loss"] + after["loss"] == pytest.approx(history["loss"], rel=1e-6)


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda: ours.CyclicLR(0.1, 0.01), "max of cyclic is 0.01"),
        (lambda: ours.CyclicLR(step_size=0), "a length of cyclic is 0 steps"),
        (lambda: ours.OneCycle(0.0), "max of one_cycle is 0"),
        (lambda: ours.LearningRateScheduler("cosin"), "did you mean"),
        (lambda: ours.LearningRateScheduler("on_plateau"), "take ReduceLROnPlateau"),
        (lambda: ours.Schedule("cosine", epochs=3), "none is given; give a learning rate"),
        (lambda: ours.Schedule("on_plateau", 0.1, epochs=3), "take the callback ReduceLROnPlateau"),
        (lambda: ours.ReduceLROnPlateau(factor=2.0), "factor of on_plateau is 2"),
        (lambda: ours.EarlyStopping(patience=-1), "patience is -1"),
    ],
)
def test_mistakes_are_exceptions_of_one_line(mistake, message):
    with pytest.raises(ValueError) as raised:
        mistake()
    assert message in str(raised.value) and "\n" not in str(raised.value)
