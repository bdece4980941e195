//! Mistakes are named where they are.

use super::*;

#[test]
fn mistakes_in_text_are_named() {
    for (text, message) in [
        ("cosin", "schedule, character 1: unknown schedule 'cosin'; did you mean 'cosine'? (schedules: {all})"),
        (
            "exponential(gama=0.95)",
            "schedule, character 13: unknown key 'gama' of exponential; did you mean 'gamma'? (keys: gamma, every, floor, \
             staircase, over, per)",
        ),
        ("exponential", "schedule, character 1: exponential needs gamma; write exponential(gamma=…)"),
        (
            "exponential(gamma=1.5)",
            "schedule, character 1: gamma of exponential is 1.5; give a number above 0 and at most 1",
        ),
        (
            "exponential(gamma=0)",
            "schedule, character 1: gamma of exponential is 0; give a number above 0 and at most 1",
        ),
        (
            "exponential(gamma=95%)",
            "schedule, character 19: gamma of exponential is the length 95%, where a number is expected",
        ),
        ("step(gamma=0.5)", "schedule, character 1: step needs every; write step(every=…)"),
        ("step(every=0)", "schedule, character 1: a length of step is 0; give one above 0"),
        ("step(every=-2)", "schedule, character 1: a length of step is -2; give one above 0"),
        (
            "cosine(over=2.5 steps)",
            "schedule, character 1: a length of cosine is 2.5 steps; give a whole number of steps",
        ),
        ("cosine(over=120%)", "schedule, character 1: a length of cosine is 120% of the run; give at most 100%"),
        ("cosine(floor=2)", "schedule, character 1: floor of cosine is 2; give a factor of the learning rate, 0 to 1"),
        (
            "cosine(per=epochs)",
            "schedule, character 12: unknown per 'epochs' of cosine; did you mean 'epoch'? (valid: epoch, step)",
        ),
        (
            "linear(from=-1)",
            "schedule, character 1: from of linear is -1; give a factor of the learning rate, at least 0",
        ),
        ("linear(from=0, to=0)", "schedule, character 1: linear goes from 0 to 0; for a warm-up write to=1"),
        ("cyclic(base=0, max=1, up=5)", "schedule, character 1: base of cyclic is 0; give a number above 0"),
        (
            "cyclic(base=2, max=1, up=5)",
            "schedule, character 1: max of cyclic is 1, below its base of 2; exchange them",
        ),
        ("cyclic(base=1, max=2)", "schedule, character 1: cyclic needs up; write cyclic(up=…)"),
        ("cyclic(base=1, max=2, up=0, down=0)", "schedule, character 1: a length of cyclic is 0; give one above 0"),
        (
            "cyclic(base=1, max=2, up=5, mode=triangle)",
            "schedule, character 34: unknown mode 'triangle' of cyclic; did you mean 'triangular'? \
             (valid: triangular, triangular2, exp_range)",
        ),
        (
            "cyclic(base=1, max=2, up=5, mode=exp_range)",
            "schedule, character 1: cyclic needs gamma; write cyclic(gamma=…)",
        ),
        (
            "cyclic(base=1, max=2, up=5, gamma=0.9)",
            "schedule, character 1: cyclic has gamma and every with mode=exp_range only; add the mode or leave them out",
        ),
        (
            "cyclic(base=1, max=2, up=5, momentum=0.9..0.8)",
            "schedule, character 1: momentum of cyclic is 0.9..0.8; give lowest..highest, at least 0 and below 1",
        ),
        (
            "cyclic(base=1, max=2, up=5, momentum=0.9..1)",
            "schedule, character 1: momentum of cyclic is 0.9..1; give lowest..highest, at least 0 and below 1",
        ),
        (
            "sequence()",
            "schedule, character 1: sequence is empty; name its schedules: sequence(constant(), cooldown(20%))",
        ),
        (
            "sequence(over=5)",
            "schedule, character 10: sequence has no keys, and 'over' is given; write its schedules one after another: \
             sequence(linear(from=0, to=1, over=5), cosine())",
        ),
        ("sequence(5)", "schedule, character 10: expected a schedule in sequence; such as cosine()"),
        (
            "sequence(constant, sequence(cosine))",
            "schedule, character 20: a sequence within a sequence; write its schedules in the outer one",
        ),
        (
            "sequence(linear(from=0, to=1, over=5), step(every=5), cosine)",
            "schedule, character 1: step in sequence has no length, and it is not the only one; give it one, such as \
             step(over=5); one schedule may leave it out",
        ),
        (
            "sequence(cooldown(20%), constant)",
            "schedule, character 1: a cooldown within sequence is not its last schedule; move it to the end",
        ),
        (
            "sequence(linear(over=5), cyclic(base=1, max=2, up=5))",
            "schedule, character 1: sequence holds cyclic, which has rates of its own, and linear, which multiplies a \
             learning rate; take schedules of one sort",
        ),
        (
            "sequence(linear(over=5), cosin)",
            "schedule, character 26: unknown schedule 'cosin'; did you mean 'cosine'? \
             (schedules: {all})",
        ),
    ] {
        let all = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        let message = message.replace("{all}", &all);
        assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn mistakes_of_the_other_kinds_are_named() {
    for (text, message) in [
        (
            "constant_factor(factor=-1)",
            "1: factor of constant_factor is -1; give a factor of the learning rate, at least 0",
        ),
        ("multi_step(gamma=0.5)", "1: multi_step needs at; write multi_step(at=…)"),
        ("multi_step(at=[])", "1: at of multi_step is empty; give a place: at=[30]"),
        (
            "multi_step(at=30)",
            "15: at of multi_step is the number 30, where a list of lengths ([30, 60%, 100 steps]) is expected",
        ),
        ("multi_step(at=[30, -1])", "1: a length of multi_step is -1; give one of at least 0"),
        ("multi_step(at=[30, 1.5 steps])", "1: a length of multi_step is 1.5 steps; give a whole number of steps"),
        (
            "piecewise(at=[30], factors=[1])",
            "1: piecewise has 1 factors for 1 places; give one factor more than places",
        ),
        ("piecewise(at=[30], factors=[0, 0])", "1: factors of piecewise holds no factor above 0; give one at least"),
        (
            "piecewise(at=[30], factors=[1, 5%])",
            "32: factors of piecewise holds the length 5%, where a number is expected",
        ),
        (
            "interpolate(at=[0, 30], factors=[1])",
            "1: interpolate has 1 factors for 2 places; give as many factors as places",
        ),
        (
            "interpolate(at=[0], factors=[1], shape=sqrt)",
            "40: unknown shape 'sqrt' of interpolate; valid: linear, cosine",
        ),
        ("exponential(gamma=0.5, floor=2)", "1: floor of exponential is 2; give a factor of the learning rate, 0 to 1"),
        ("natural_exponential(gamma=0)", "1: gamma of natural_exponential is 0; give a number above 0"),
        ("inverse_time(gamma=-1)", "1: gamma of inverse_time is -1; give a number above 0"),
        ("polynomial(power=0)", "1: power of polynomial is 0; give a number above 0"),
        ("polynomial(cycle=true)", "1: polynomial needs first; write polynomial(first=…)"),
        (
            "polynomial(first=10)",
            "1: polynomial has first with cycle=true only; add cycle=true, or give the length as over",
        ),
        ("cosine(exponent=0)", "1: exponent of cosine is 0; give a number above 0"),
        (
            "cosine_restarts",
            "1: cosine_restarts has neither a period nor a number of cycles; give period=10, or cycles=3",
        ),
        (
            "cosine_restarts(period=5, mult=1.001)",
            "1: mult of cosine_restarts is 1.001; give 1, or a number from 1.01 up",
        ),
        ("cosine_restarts(period=5, decay=2)", "1: decay of cosine_restarts is 2; give a number above 0 and at most 1"),
        ("cosine_restarts(cycles=0.5)", "1: cycles of cosine_restarts is 0.5; give a whole number from 1 to 100000"),
        ("tanh(lower=3)", "1: tanh goes from lower=3 to upper=3; give an upper above the lower"),
        ("noam(width=0, warmup=5)", "1: width of noam is 0; give a number above 0"),
        ("noam(width=8, warmup=0)", "1: a length of noam is 0; give one above 0"),
        ("wsd(warmup=5)", "1: wsd needs decay; write wsd(decay=…)"),
        ("wsd(warmup=5, decay=120%)", "1: a length of wsd is 120% of its own; give at most 100%"),
        ("flat_cosine(floor=2)", "1: floor of flat_cosine is 2; give a factor of the learning rate, 0 to 1"),
        ("swalr", "1: swalr needs to; write swalr(to=…)"),
        ("swalr(to=1, anneal=0)", "1: a length of swalr is 0; give one above 0"),
        ("cooldown(20%, floor=-1)", "1: floor of cooldown is -1; give a factor of the learning rate, 0 to 1"),
        ("one_cycle", "1: one_cycle needs max; write one_cycle(max=…)"),
        ("one_cycle(max=1, div=0)", "1: div of one_cycle is 0; give a number above 0"),
        (
            "one_cycle(max=1, div=1e-308, final_div=1e-308)",
            "1: the lowest rates of one_cycle are too large to be numbers; give a larger div and final_div",
        ),
        ("one_cycle(max=1, phases=four)", "25: unknown phases 'four' of one_cycle; valid: two, three"),
        (
            "one_cycle(max=1, momentum=0.9..0.8)",
            "1: momentum of one_cycle is 0.9..0.8; give lowest..highest, at least 0 and below 1",
        ),
        ("power(exponent=0)", "1: exponent of power is 0; give a number above 0"),
        ("inverse_scaling(rows=1.5)", "1: rows of inverse_scaling is 1.5; give a whole number from 1 to 4294967295"),
        ("sawtooth(every=5, to=-1)", "1: to of sawtooth is -1; give a factor of the learning rate, at least 0"),
        ("table(rates=[])", "1: table has 0 rates; give 1 to 10000; with every=5 each holds for five epochs"),
        ("table(rates=[0.1, -0.1])", "1: rate 2 of table is -0.1; give numbers of at least 0"),
        ("table(rates=[0, 0])", "1: every rate of table is 0; give one above 0"),
        (
            "table('a b.csv')",
            "7: table names the file \"a b.csv\", and files are not read here; write its rates: table(rates=[0.1, 0.01])",
        ),
        ("formula", "1: formula needs text; write formula(text=…)"),
        ("formula(0.1)", "9: text of formula is the number 0.1, where a text in quotes (\"…\") is expected"),
        (
            "sequence(formula(\"0.1 * epoh\"))",
            "25: unknown name 'epoh'; did you mean 'epoch'? (names: epoch, step, base, epochs, steps, pi, e)",
        ),
        ("formula(text=\"0.1 *\")", "20: expected a number, a name or '(', found the end"),
        ("chain()", "1: chain is empty; name its schedules: chain(cosine(), step(every=20))"),
        ("chain(5)", "7: expected a schedule in chain; such as cosine()"),
        (
            "chain(over=5)",
            "7: chain has no keys, and 'over' is given; write its schedules one after another: chain(cosine(), step(every=20))",
        ),
        (
            "chain(table([1]), sequence(formula(\"base\")))",
            "1: chain holds table and sequence, and both give rates; multiply one of them with schedules that give factors",
        ),
        (
            "sequence(chain(cosine), chain(linear))",
            "1: sequence holds more than one chain, and a chain takes what the others leave; write one chain of sequences",
        ),
        (
            "sequence(chain(cosine), linear)",
            "1: linear in sequence has no length, and it is not the only one; give it one, such as linear(over=5); one \
             schedule may leave it out",
        ),
        (
            "sequence(chain(table([1]), cosine), linear(over=5))",
            "1: sequence holds chain, which has rates of its own, and linear, which multiplies a learning rate; take \
             schedules of one sort",
        ),
        ("chain(sequence(sequence(cosine)))", "16: a sequence within a sequence; write its schedules in the outer one"),
    ] {
        let expected = format!("schedule, character {message}");
        assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn mistakes_in_a_run_are_named() {
    let warm_up = "sequence(linear(from=0, to=1, over=5), cosine)";
    for (text, base, steps_per_epoch, epochs, message) in [
        (
            "constant",
            None,
            1,
            1,
            "schedule: constant multiplies a learning rate, and none is given; give a learning rate",
        ),
        ("constant", Some(0.0), 1, 1, "schedule: the learning rate is 0; give a number above 0"),
        ("constant", Some(-1.0), 1, 1, "schedule: the learning rate is -1; give a number above 0"),
        ("constant", Some(f64::NAN), 1, 1, "schedule: the learning rate is NaN; give a number above 0"),
        ("constant", Some(f64::INFINITY), 1, 1, "schedule: the learning rate is inf; give a number above 0"),
        ("constant", Some(1.0), 0, 1, "schedule: an epoch of the run has no optimizer steps; give it training rows"),
        ("constant", Some(1.0), 1, 0, "schedule: the run has 0 epochs; give it at least 1"),
        (
            "constant",
            Some(1.0),
            u32::MAX,
            u32::MAX,
            "schedule: the run has 18446744065119617025 optimizer steps; give it at most 2^53",
        ),
        (
            "cyclic(base=1, max=2, up=5)",
            Some(1.0),
            1,
            1,
            "schedule: cyclic has rates of its own, and a learning rate is given too; leave the learning rate out",
        ),
        (
            "linear(to=1e300)",
            Some(1e300),
            1,
            1,
            "schedule: the learning rate becomes too large to be a number; give a smaller one",
        ),
        (
            "cosine(over=1%)",
            Some(1.0),
            4,
            10,
            "schedule: the length 1% is less than one optimizer step of this run (10 epochs of 4 steps); make it longer",
        ),
        ("cosine(over=1e300)", Some(1.0), 1, 1, "schedule: the length 1e300 is too long; give at most 2^53 steps"),
        (
            "cooldown(20%)",
            Some(1.0),
            1,
            10,
            "schedule: cooldown(20%) alone ends before the run does; write sequence(constant(), cooldown(20%))",
        ),
        (
            warm_up,
            Some(1.0),
            2,
            5,
            "schedule: the lengths in sequence add up to 5 epochs of the run's 5, which leaves nothing for the one without \
             a length; shorten them, write them in %, or give the run more epochs",
        ),
        (
            "sequence(constant(over=5), cosine(over=6))",
            Some(1.0),
            2,
            10,
            "schedule: the lengths in sequence add up to 11 epochs of the run's 10; shorten them, write them in %, or give \
             the run more epochs",
        ),
        (
            "sequence(constant(over=5), cooldown(20%))",
            Some(1.0),
            2,
            10,
            "schedule: the cooldown ends after 7 of the run's 10 epochs; leave the length of the schedule before it out",
        ),
        (
            "sequence(constant(over=1%), constant)",
            Some(1.0),
            2,
            10,
            "schedule: the length 1% is less than one optimizer step of this run (10 epochs of 2 steps); make it longer",
        ),
        (
            "formula(\"0.1 - 0.02 * epoch\")",
            None,
            2,
            9,
            "schedule: formula(\"0.1 - 0.02 * epoch\") gives -0.01999999999999999 at step 12 of the run, in epoch 6 (both from 0); a rate is a finite number of at least 0; max(0, …) keeps it from falling below",
        ),
        (
            "formula(\"1 / (3 - step)\")",
            None,
            2,
            9,
            "schedule: formula(\"1 / (3 - step)\") gives inf at step 3 of the run, in epoch 1 (both from 0); a rate is a finite number of at least 0; max(0, …) keeps it from falling below",
        ),
        // What is held after its end is looked at too; what comes later is not.
        (
            "formula(\"1 / (2 - epoch)\", over=2)",
            None,
            2,
            9,
            "schedule: formula(\"1 / (2 - epoch)\") gives inf at step 4 of the run, in epoch 2 (both from 0); a rate is a finite number of at least 0; max(0, …) keeps it from falling below",
        ),
        (
            "formula(\"0.1\")",
            Some(1.0),
            2,
            9,
            "schedule: formula has rates of its own, and a learning rate is given too; leave the learning rate out",
        ),
        (
            "formula(\"base\")",
            None,
            2,
            9,
            "schedule: formula multiplies a learning rate, and none is given; give a learning rate",
        ),
        (
            "inverse_scaling",
            Some(1.0),
            2,
            9,
            "schedule: inverse_scaling counts training rows, and their number is not known here; give it: inverse_scaling(rows=1000)",
        ),
        (
            "piecewise(at=[80%, 5], factors=[1, 2, 3])",
            Some(1.0),
            2,
            10,
            "schedule: at of piecewise goes back from 8 epochs (16 steps) to 5 epochs (10 steps) in this run; put the places in order",
        ),
        (
            "multi_step(at=[1%])",
            Some(1.0),
            2,
            10,
            "schedule: the length 1% is less than one optimizer step of this run (10 epochs of 2 steps); make it longer",
        ),
        (
            "wsd(warmup=8, decay=30%)",
            Some(1.0),
            2,
            10,
            "schedule: warmup and decay of wsd make up 11 epochs (22 steps), more than its 10 epochs (20 steps); shorten them",
        ),
        (
            "flat_cosine(flat=8, over=5)",
            Some(1.0),
            2,
            10,
            "schedule: flat of flat_cosine is 8 epochs (16 steps), more than its 5 epochs (10 steps); shorten it",
        ),
        (
            "one_cycle(max=1, up=60%, phases=three)",
            None,
            2,
            10,
            "schedule: up of one_cycle is 6 epochs (12 steps), more than half of its 10 epochs (20 steps); shorten it",
        ),
        (
            "cosine_restarts(cycles=30)",
            Some(1.0),
            2,
            10,
            "schedule: one of the 30 cycles has less than one of 20 optimizer steps; give fewer cycles",
        ),
        (
            "chain(linear(to=1e200), linear(to=1e200))",
            Some(1.0),
            2,
            10,
            "schedule: the learning rate becomes too large to be a number; give a smaller one",
        ),
        (
            "interpolate(at=[1, 2, 3], factors=[1, 1e300, 1])",
            Some(1e10),
            2,
            10,
            "schedule: the learning rate becomes too large to be a number; give a smaller one",
        ),
        (
            "sequence(chain(sequence(constant(over=8), linear)), cooldown(50%))",
            Some(1.0),
            2,
            10,
            "schedule: the lengths in sequence add up to 8 epochs of its 5, which leaves nothing for the one without a length; \
             shorten them, write them in %, or give the run more epochs",
        ),
    ] {
        let error = schedule(text).resolve(base, steps_per_epoch, epochs).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
    resolved(warm_up, 2, 6);
    // Values that no text can hold are refused as well.
    let bad = Schedule::Exponential(
        Exponential { gamma: f64::NAN, every: form::EPOCH, floor: 0.0, staircase: false },
        Timing::default(),
    );
    assert!(bad.resolve(Some(1.0), 1, 1).is_err());
    let nested = Schedule::Sequence(vec![Schedule::Sequence(vec![schedule("constant")])]);
    assert!(nested.resolve(Some(1.0), 1, 1).is_err());
}
