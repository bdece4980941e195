"""Schedulers inside the trainers of others: PyTorch Lightning, Accelerate, and transformers' `Trainer`.

In the same place PyTorch's own class gives the same rates, and a training that is saved on the way and taken up by new objects
has those of one that was never interrupted.
"""

import pytest
import torch
from torch.optim import lr_scheduler as upstream

import opportune.torch as ours
from opportune import schedules

pytestmark = pytest.mark.filterwarnings("default")  # What others warn of is theirs.

EPOCHS, BATCHES = 6, 4
STEPS = EPOCHS * BATCHES
BREAK = 10
"""The step after which a training is interrupted: in the middle of the third epoch."""

TEXT = "sequence(linear(from=0.25, to=1, over=2), cosine)"


def _cyclic(module, optimizer, ticks):
    return module.CyclicLR(optimizer, base_lr=0.001, max_lr=0.1, step_size_up=max(2, ticks // 8), mode="triangular2")


def _one_cycle(module, optimizer, ticks):
    return module.OneCycleLR(optimizer, max_lr=0.1, total_steps=ticks)


def _own(module, optimizer, ticks):
    steps = ticks // EPOCHS
    if module is ours:
        return ours.Schedule(optimizer, TEXT, epochs=EPOCHS, steps_per_epoch=steps)
    resolved = schedules.parse(TEXT).resolve(1, epochs=EPOCHS, steps_per_epoch=steps)
    return upstream.LambdaLR(optimizer, resolved.rate)


SCHEDULERS = {"CyclicLR": _cyclic, "OneCycleLR": _one_cycle, "Schedule": _own}
by_name = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS)


def _rows():
    torch.manual_seed(0)
    return torch.utils.data.TensorDataset(torch.randn(4 * BATCHES, 3), torch.randn(4 * BATCHES, 1))


def _sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def _rate(optimizer):
    (group,) = optimizer.param_groups
    return float(group["lr"]), float(group["momentum"])


def _lightning(make, module, interval, folder=None):
    """The rate and momentum of each step; with a folder, by a training that is interrupted and taken up."""
    import lightning.pytorch as lightning

    class Network(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.seen = torch.nn.Linear(3, 1), []

        def training_step(self, batch, index):
            self.seen.append(_rate(self.optimizers().optimizer))
            return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])

        def configure_optimizers(self):
            optimizer = _sgd(self)
            ticks = STEPS if interval == "step" else EPOCHS
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": make(module, optimizer, ticks), "interval": interval},
            }

    class Interruption(lightning.Callback):
        def on_train_batch_end(self, trainer, *others):
            if trainer.global_step == BREAK:
                trainer.save_checkpoint(folder / "on the way.ckpt")
                trainer.should_stop = True

    def train(epochs, callbacks=(), begin=None):
        network = Network()
        trainer = lightning.Trainer(
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            max_epochs=epochs,
            callbacks=list(callbacks),
        )
        trainer.fit(network, torch.utils.data.DataLoader(_rows(), batch_size=4), ckpt_path=begin)
        return trainer, network.seen

    if folder is None:
        return train(EPOCHS)[1]
    if interval == "step":
        first = train(EPOCHS, [Interruption()])[1][:BREAK]
    else:
        trainer, first = train(EPOCHS // 2)
        trainer.save_checkpoint(folder / "on the way.ckpt")
    return first + train(EPOCHS, begin=folder / "on the way.ckpt")[1]


def _accelerate(make, module, accumulated, folder=None):
    import accelerate

    def train(begin, end, state):
        torch.manual_seed(1)
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=accumulated)
        model = torch.nn.Linear(3, 1)
        optimizer = _sgd(model)
        scheduler = make(module, optimizer, STEPS // accumulated)
        loader = torch.utils.data.DataLoader(_rows(), batch_size=4)
        model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
        if begin > 0:
            accelerator.load_state(state)
        seen = []
        batches = [batch for _ in range(EPOCHS) for batch in loader]
        for batch in batches[begin:end]:
            with accelerator.accumulate(model):
                seen.append(_rate(optimizer.optimizer))
                accelerator.backward(torch.nn.functional.mse_loss(model(batch[0]), batch[1]))
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
        if end < STEPS:
            accelerator.save_state(state)
        return seen

    if folder is None:
        return train(0, STEPS, None)
    return train(0, BREAK, folder) + train(BREAK, STEPS, folder)


def _transformers(make, module, folder, interrupted):
    import transformers

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def forward(self, inputs, labels):
            outputs = self.layer(inputs)
            return {"loss": torch.nn.functional.mse_loss(outputs, labels), "outputs": outputs}

    class Record(transformers.TrainerCallback):
        def __init__(self, end):
            self.seen, self.end = [], end

        def on_step_begin(self, arguments, state, control, optimizer, **others):
            self.seen.append(_rate(getattr(optimizer, "optimizer", optimizer)))

        def on_step_end(self, arguments, state, control, **others):
            if state.global_step == self.end:
                control.should_save = control.should_training_stop = True

    def train(end, begin=None):
        model, record = Network(), Record(end)
        optimizer = _sgd(model)
        arguments = transformers.TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=EPOCHS,
            per_device_train_batch_size=4,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            max_grad_norm=0.0,
        )
        rows = [{"inputs": inputs, "labels": labels} for inputs, labels in _rows()]
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            optimizers=(optimizer, make(module, optimizer, STEPS)),
            callbacks=[record],
        )
        trainer.train(resume_from_checkpoint=begin)
        return record.seen

    if not interrupted:
        return train(None)
    return train(BREAK) + train(None, str(folder / f"checkpoint-{BREAK}"))


def _close(one, other):
    assert len(one) == STEPS
    assert one == [pytest.approx(step, rel=1e-12, abs=1e-15) for step in other]


@by_name
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_in_lightning(make, interval, tmp_path):
    whole = _lightning(make, ours, interval)
    _close(whole, _lightning(make, upstream, interval))
    assert _lightning(make, ours, interval, tmp_path) == whole


@by_name
@pytest.mark.parametrize("accumulated", [1, 2])
def test_in_accelerate(make, accumulated, tmp_path):
    whole = _accelerate(make, ours, accumulated)
    _close(whole, _accelerate(make, upstream, accumulated))
    assert _accelerate(make, ours, accumulated, tmp_path) == whole


@by_name
def test_in_the_trainer_of_transformers(make, tmp_path):
    whole = _transformers(make, ours, tmp_path, False)
    _close(whole, _transformers(make, upstream, tmp_path, False))
    assert _transformers(make, ours, tmp_path, True) == whole
