//! `opportune range-test`: which learning rates train at all, and from where on they diverge.

mod asked;

use crate::arguments::quoted;
use crate::flags::RangeTest as Flags;
use crate::job::{Job, Purpose};
use crate::look::look;
use crate::output::Output;
use crate::progress::print_line;
use crate::split::Rows;
use crate::work::{Exit, config_json, folder_of, name_of};
use asked::{Asked, Rates};
use opportune_core::InputError;
use opportune_core::plan::Part;
use opportune_core::ports::Planner;
use opportune_core::range_test::RangeTest;
use opportune_core::space::Config;
use opportune_core::sweep::Sweep;
use opportune_core::text::number;
use opportune_report::{range_test_json, range_test_svg, range_test_text, sweep_json, sweep_svg, sweep_text};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The picture's file.
const PICTURE: &str = "range-test.svg";

pub fn run(flags: &Flags, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    let began = Instant::now();
    let asked = Asked::read(flags)?;
    let name = name_of(None, &flags.data.data, "-range-test")?;
    let job = Job::new(
        Rows::Files,
        Purpose::RangeTest,
        &flags.data,
        &asked::space(flags),
        &asked::training(flags),
        &asked::study(flags),
    )?;
    let config = asked::single(&job)?;
    job.notes.iter().for_each(|note| crate::say(note));
    job.warnings.iter().for_each(|warning| crate::say(&format!("warning: {warning}")));
    let output = Output::open(folder_of(flags.out.as_ref(), &name))?;
    let measured = match &asked.rates {
        Rates::Sweep(sweep) => Measured::swept(&job, &config, sweep.clone(), interrupt),
        Rates::Each(rates) => Measured::tested(&job, &config, rates, &asked, interrupt),
    };
    let measured = match measured {
        Ok(Some(measured)) => measured,
        Ok(None) => {
            output.withdraw();
            return Ok(Exit::Interrupted);
        }
        Err(error) => {
            output.withdraw();
            return Err(error);
        }
    };
    let title = format!("{}: which learning rates train", flags.data.data.file_name().unwrap_or_default().display());
    let subtitle = format!("{}, {} training rows", asked::in_words(&config), job.training_rows);
    output.write(PICTURE, &measured.svg(&title, &subtitle))?;
    let seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    if flags.json {
        let mut event = json!({
            "event": "finished", "settings": config_json(&config), "training_rows": job.training_rows,
            "cost": {"epochs_trained": measured.cost(), "seconds": seconds}, "warnings": job.warnings,
            "out": output.folder(),
        });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), measured.json()) {
            event.extend(more);
        }
        print_line(&event.to_string())?;
    } else {
        let look = look(flags.ascii);
        print_line(measured.text(look).trim_end())?;
        print_line(&format!(
            "\ncost: {} fold-epochs; {seconds:.1} s; no model and no study was changed",
            measured.cost()
        ))?;
        print_line(&format!("written: {}", Path::new(&output.folder()).join(PICTURE).display()))?;
        print_line(&next(flags, &measured))?;
    }
    Ok(if measured.tells() { Exit::Fine } else { Exit::Negative })
}

/// What came out.
enum Measured {
    Test(RangeTest),
    Sweep(Sweep, u32),
}

impl Measured {
    fn tested(
        job: &Job,
        config: &Config,
        rates: &[f64],
        asked: &Asked,
        interrupt: &AtomicBool,
    ) -> Result<Option<Measured>, InputError> {
        let steps_per_epoch = job.trainer.plan(config, Part::Fold(0))?.schedule.steps_per_epoch();
        let steps = asked.steps.unwrap_or(RangeTest::steps_for(steps_per_epoch));
        let test = job.trainer.range_test(config, rates, steps, asked.repeats, interrupt)?;
        Ok(test.map(Measured::Test))
    }

    fn swept(job: &Job, config: &Config, sweep: Sweep, interrupt: &AtomicBool) -> Result<Option<Measured>, InputError> {
        let steps_per_epoch = job.trainer.plan(config, Part::Fold(0))?.schedule.steps_per_epoch();
        let sweep = job.trainer.sweep(config, sweep, interrupt)?;
        Ok(sweep.map(|sweep| Measured::Sweep(sweep, steps_per_epoch)))
    }

    fn tells(&self) -> bool {
        match self {
            Measured::Test(test) => test.minimum().is_some(),
            Measured::Sweep(sweep, _) => sweep.tells(),
        }
    }

    /// Fold-epochs, rounded up.
    fn cost(&self) -> u64 {
        match self {
            Measured::Test(test) => test.cost(),
            Measured::Sweep(sweep, steps_per_epoch) => {
                (sweep.losses().len() as u64).div_ceil(u64::from(*steps_per_epoch))
            }
        }
    }

    fn text(&self, look: opportune_report::Look) -> String {
        match self {
            Measured::Test(test) => range_test_text(test, look),
            Measured::Sweep(sweep, _) => sweep_text(sweep, look),
        }
    }

    fn json(&self) -> Value {
        match self {
            Measured::Test(test) => range_test_json(test),
            Measured::Sweep(sweep, _) => sweep_json(sweep),
        }
    }

    fn svg(&self, title: &str, subtitle: &str) -> String {
        match self {
            Measured::Test(test) => range_test_svg(test, title, subtitle),
            Measured::Sweep(sweep, _) => sweep_svg(sweep, title, subtitle),
        }
    }
}

/// The commands to go on with.
fn next(flags: &Flags, measured: &Measured) -> String {
    let command = |name: &str, more: &str| {
        let words = asked::again(flags);
        let words = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        format!("opportune {name} {words} {more}")
    };
    let short = |rate: f64| number(format!("{rate:.2e}").parse().unwrap_or(rate));
    match measured {
        Measured::Test(test) => match (test.suggested(), test.candidates().as_slice()) {
            (Some(rate), [low, .., high]) => format!(
                "next: {}\n      {}",
                command("tune", &format!("--lr {}..{}", number(*low), number(*high))),
                command("fit", &format!("--lr {}", short(rate)))
            ),
            (Some(rate), _) => format!("next: {}", command("fit", &format!("--lr {}", short(rate)))),
            (None, _) => format!("next: {}", command("range-test", &format!("--steps {}", u64::from(test.steps) * 4))),
        },
        Measured::Sweep(sweep, _) => match sweep.suggestions().valley.filter(|_| sweep.tells()) {
            Some(rate) => format!(
                "next: {}\n      {}",
                command("range-test", &format!("--lr {}..{}", short(rate / 30.0), short(rate * 30.0))),
                command("fit", &format!("--lr {}", short(rate)))
            ),
            None => format!("next: {}", command("range-test", "").trim_end()),
        },
    }
}
