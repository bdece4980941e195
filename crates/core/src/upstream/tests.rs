use super::*;

fn given(lr: Option<f64>) -> Given {
    Given { lr, steps: 60, ticks_per_epoch: 1 }
}

fn read(source: Source, text: &str, given: &Given) -> Result<(String, Option<f64>), String> {
    import(source, text, given)
        .map(|imported| (imported.schedule.to_string(), imported.base))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn becomes(source: Source, text: &str, expected: &str, base: Option<f64>) {
    let lr = (source == Source::Torch).then_some(0.1);
    assert_eq!(read(source, text, &given(lr)), Ok((expected.to_owned(), base)), "{text}");
}

#[track_caller]
fn fails(source: Source, text: &str, message: &str) {
    let lr = (source == Source::Torch).then_some(0.1);
    let error = read(source, text, &given(lr)).unwrap_err();
    assert!(error.starts_with(&format!("{source} schedule, {message}")), "{text}: {error}");
}

#[test]
fn each_is_written_in_its_plainest_form() {
    for (text, expected) in [
        ("StepLR(optimizer, 30)", "step(every=30)"),
        ("MultiStepLR([30, 80])", "multi_step(at=[30, 80])"),
        ("ConstantLR()", "constant_factor(over=5)"),
        ("LinearLR(start_factor=0.1, total_iters=7)", "linear(from=0.1, to=1, over=7)"),
        ("ExponentialLR(gamma=0.95)", "exponential(gamma=0.95)"),
        ("ExponentialLR(gamma=1.1)", "formula(\"base * (1.1**epoch)\")"),
        ("MultiplicativeLR(lambda epoch: 0.95)", "exponential(gamma=0.95)"),
        ("PolynomialLR(40, 0.9)", "polynomial(power=0.9, over=40)"),
        ("CosineAnnealingLR(T_max=50, eta_min=0.01)", "cosine(floor=0.09999999999999999, over=50)"),
        ("CosineAnnealingLR(60, 0.2)", "interpolate(at=[0, 60], factors=[1, 2], shape=cosine)"),
        ("CosineAnnealingWarmRestarts(T_0=5, T_mult=2)", "cosine_restarts(period=5, mult=2)"),
        ("LambdaLR(lambda e: 0.95 ** e)", "formula(\"base * 0.95**epoch\")"),
        ("SWALR(swa_lr=0.05, anneal_epochs=5)", "swalr(to=0.5, anneal=5)"),
        (
            "SequentialLR([LinearLR(0.1), CosineAnnealingLR(55)], milestones=[5])",
            "sequence(linear(from=0.1, to=1, over=5, per=epoch), cosine(over=55))",
        ),
        (
            "SequentialLR([LinearLR(0.1), CosineAnnealingLR(90)], [8])",
            "sequence(interpolate(at=[0, 5], factors=[0.1, 1], over=8), interpolate(at=[0, 90], factors=[1, 0], shape=cosine))",
        ),
        (
            "ChainedScheduler([LinearLR(0.1), ExponentialLR(0.9)])",
            "chain(linear(from=0.1, to=1, over=5), exponential(gamma=0.9))",
        ),
        (
            "SequentialLR([ConstantLR(0.2), ChainedScheduler([StepLR(7), ExponentialLR(0.9)])], [5])",
            "sequence(constant_factor(factor=0.2, over=5), chain(step(every=7), exponential(gamma=0.9)))",
        ),
    ] {
        becomes(Source::Torch, text, expected, Some(0.1));
    }
    becomes(
        Source::Torch,
        "OneCycleLR(max_lr=0.01, total_steps=60)",
        "one_cycle(max=0.01, momentum=0.85..0.95, over=60, per=epoch)",
        None,
    );
    becomes(
        Source::Torch,
        "CyclicLR(base_lr=1e-4, max_lr=1e-2, step_size_up=20)",
        "cyclic(base=0.0001, max=0.01, up=20, momentum=0.8..0.9)",
        None,
    );
    for (text, expected, base) in [
        ("ExponentialDecay(0.1, 10, 0.9)", "exponential(gamma=0.9, every=10)", Some(0.1)),
        ("PiecewiseConstantDecay([10], [0.1, 0.05])", "piecewise(at=[11], factors=[1, 0.5])", Some(0.1)),
        (
            "CosineDecay(0.0, 50, warmup_target=0.1, warmup_steps=10)",
            "sequence(linear(from=0, to=1, over=10, per=epoch), cosine(over=50))",
            Some(0.1),
        ),
        ("LearningRateScheduler(lambda epoch, lr: 0.1 / (epoch + 1))", "formula(\"0.1 / (epoch + 1)\")", None),
    ] {
        becomes(Source::Keras, text, expected, base);
    }
    for (text, expected, base) in [
        ("constant_schedule(0.1)", "constant", Some(0.1)),
        ("warmup_constant_schedule(0.0, 0.1, 12)", "linear(from=0, to=1, over=12)", Some(0.1)),
        ("cosine_onecycle_schedule(60, 0.1)", "one_cycle(max=0.1, up=18, ends=after, over=60, per=epoch)", None),
        (
            "join_schedules([constant_schedule(0.05), exponential_decay(0.1, 10, 0.5)], [20])",
            "sequence(constant_factor(factor=0.5, over=20), exponential(gamma=0.5, every=10))",
            Some(0.1),
        ),
    ] {
        becomes(Source::Optax, text, expected, base);
    }
}

#[test]
fn ticks_may_be_steps() {
    let given = Given { lr: Some(0.1), steps: 60, ticks_per_epoch: 6 };
    for (text, expected) in [
        ("StepLR(30)", "step(every=30 steps, per=step)"),
        ("ExponentialLR(0.95)", "exponential(gamma=0.95, every=1 step, per=step)"),
        ("LambdaLR(lambda step: 0.9 ** step)", "formula(\"base * 0.9**step\")"),
        ("OneCycleLR(0.1, 60, cycle_momentum=False)", "one_cycle(max=0.1, over=60 steps)"),
        (
            "SequentialLR([LinearLR(0.1), CosineAnnealingLR(55)], [5])",
            "sequence(linear(from=0.1, to=1, over=5 steps), cosine(over=55 steps, per=step))",
        ),
    ] {
        assert_eq!(read(Source::Torch, text, &given).unwrap().0, expected, "{text}");
    }
    // A callback is called for each epoch all the same.
    let keras = Given { lr: None, ..given };
    let (text, _) = read(Source::Keras, "LearningRateScheduler(lambda e: 0.9 ** e)", &keras).unwrap();
    assert_eq!(text, "formula(\"0.9**epoch\")");
}

#[test]
fn mistakes_say_where_what_and_what_to_do() {
    use Source::{Keras, Optax, Torch};
    for (source, text, message) in [
        (Torch, "StepLR", "character 1: the name 'StepLR', where a schedule is expected; such as StepLR(step_size=30)"),
        (
            Torch,
            "StepLr(30)",
            "character 1: unknown schedule 'StepLr' of torch; did you mean 'StepLR'? (schedules: LambdaLR, ",
        ),
        (Torch, "CosineDecay(0.1, 50)", "character 1: unknown schedule 'CosineDecay' of torch; it is one of keras"),
        (Torch, "StepLR()", "character 1: StepLR needs step_size; write StepLR(step_size=…)"),
        (
            Torch,
            "StepLR(step_siz=3)",
            "character 8: unknown argument 'step_siz' of StepLR; did you mean 'step_size'? (arguments: ",
        ),
        (Torch, "StepLR(3, gamma=0)", "character 17: gamma of StepLR is 0; give a number above 0"),
        (Torch, "StepLR(3, last_epoch=5)", "character 22: last_epoch of StepLR is given; leave it out"),
        (Torch, "StepLR(steps)", "character 1: StepLR needs step_size"),
        (Torch, "LambdaLR(lr_lambda=f)", "character 20: lr_lambda of LambdaLR is the name 'f', where a lambda"),
        (Torch, "MultiplicativeLR(lambda e: 0.9 ** e)", "character 18: MultiplicativeLR multiplies the rate before"),
        (Torch, "ReduceLROnPlateau(optimizer, mode='maximum')", "character 35: "),
        (Torch, "ReduceLROnPlateau(patience=2.5)", "character 28: patience of ReduceLROnPlateau is 2.5; give a whole"),
        (
            Torch,
            "SequentialLR([ReduceLROnPlateau(), StepLR(3)], [5])",
            "character 15: ReduceLROnPlateau within SequentialLR; PyTorch refuses it there",
        ),
        (
            Torch,
            "ChainedScheduler([StepLR(3), ReduceLROnPlateau()])",
            "character 30: ReduceLROnPlateau within ChainedScheduler; PyTorch refuses it there",
        ),
        (
            Torch,
            "CyclicLR(0.1, 1, scale_fn=lambda x: x)",
            "character 27: scale_fn of CyclicLR is a function of its own",
        ),
        (Torch, "CyclicLR(0, 1)", "character 1: 'CyclicLR(…)' cannot be cyclic(base=0, "),
        (Torch, "OneCycleLR(0.1)", "character 1: OneCycleLR needs total_steps, or epochs and steps_per_epoch"),
        (Torch, "OneCycleLR([0.1, 0.2], 60)", "character 12: max_lr of OneCycleLR is a list of 2 values; give one"),
        (Torch, "SequentialLR([StepLR(3)], [3])", "character 27: SequentialLR has 1 schedulers and 1 milestones"),
        (
            Torch,
            "SequentialLR([StepLR(3), StepLR(3), StepLR(3)], [9, 3])",
            "character 53: milestones of SequentialLR do not ascend; sort them",
        ),
        (
            Torch,
            "SequentialLR([CyclicLR(0.1, 1, 5), StepLR(3)], [9])",
            "character 15: schedules with rates of their own beside some that multiply a learning rate",
        ),
        (
            Torch,
            "ChainedScheduler([CosineAnnealingLR(10, 0.01), StepLR(3)])",
            "character 19: CosineAnnealingLR within ChainedScheduler; with eta_min",
        ),
        (
            Keras,
            "LearningRateScheduler(lambda e, lr: lr * 0.9)",
            "character 23: the lambda uses 'lr', the rate before it",
        ),
        (Keras, "CosineDecay(0.0, 50)", "character 1: every rate is 0; give a rate above 0"),
        (
            Optax,
            "warmup_cosine_decay_schedule(0, 1, 9, 9)",
            "character 39: decay_steps of warmup_cosine_decay_schedule is not",
        ),
        (
            Optax,
            "sgdr_schedule([{'peak': 1}])",
            "character 17: unknown argument 'peak' of warmup_cosine_decay_schedule",
        ),
        (
            Optax,
            "piecewise_constant_schedule(0.1, {3: -1})",
            "character 38: a scale of piecewise_constant_schedule is -1",
        ),
    ] {
        fails(source, text, message);
    }
    let none = |source, text| read(source, text, &given(None)).unwrap_err();
    assert_eq!(
        none(Source::Torch, "StepLR(3)"),
        "torch schedule, character 1: StepLR multiplies the optimizer's learning rate, and none is given; give a learning rate"
    );
    assert!(none(Source::Torch, "CyclicLR(0.1, 1, 5").contains("expected ',' or ')', found the end"));
    let twice = read(Source::Keras, "CosineDecay(0.1, 50)", &given(Some(0.1))).unwrap_err();
    assert!(twice.contains("CosineDecay has a rate of its own, and a learning rate is given too"), "{twice}");
    let bad = read(Source::Torch, "StepLR(3)", &given(Some(-1.0))).unwrap_err();
    assert_eq!(bad, "torch schedule: the learning rate is -1; give a number above 0");
    let empty = import(Source::Torch, "StepLR(3)", &Given { lr: None, steps: 0, ticks_per_epoch: 1 }).unwrap_err();
    assert_eq!(empty.to_string(), "torch schedule: the run has no ticks; give it at least one epoch");
    assert_eq!(
        "pytorch".parse::<Source>().unwrap_err().to_string(),
        "unknown source 'pytorch' of schedules; did you mean 'torch'? (sources: torch, keras, optax)"
    );
}

#[test]
fn plateaus_are_written_for_what_they_are() {
    for (source, text, written) in [
        (Source::Torch, "ReduceLROnPlateau(optimizer)", "on_plateau"),
        (
            Source::Torch,
            "ReduceLROnPlateau(opt, 'max', 0.5, 3, 0.01, 'abs', 2, 1e-5, 0)",
            "on_plateau(factor=0.5, patience=3, monitor=score, threshold=0.01, mode=absolute, cooldown=2, min=1e-5, eps=0)",
        ),
        (Source::Keras, "ReduceLROnPlateau()", "on_plateau(mode=absolute, eps=0, like=keras)"),
        (
            Source::Keras,
            "keras.callbacks.ReduceLROnPlateau(monitor='val_loss', factor=0.2, patience=5, min_lr=0.001)",
            "on_plateau(factor=0.2, patience=5, mode=absolute, min=0.001, eps=0, like=keras)",
        ),
    ] {
        let given = Given { lr: Some(0.1), steps: 60, ticks_per_epoch: 1 };
        let imported = import(source, text, &given).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((imported.schedule.to_string().as_str(), imported.base), (written, Some(0.1)), "{text}");
        let by_steps = import(source, text, &Given { ticks_per_epoch: 5, ..given }).unwrap_err().to_string();
        assert!(by_steps.contains("after each epoch, not after each step"), "{by_steps}");
    }
}
