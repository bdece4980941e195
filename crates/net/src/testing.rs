//! What tests of several files share.

use crate::samples::Samples;
use crate::trainer::NativeTrainer;
use opportune_core::averaging::Average;
use opportune_core::clip::Clip;
use opportune_core::optimizer::Optimizer;
use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::rng::{Purpose, Stream};
use opportune_core::score::Score;
use opportune_core::settings::Settings;
use opportune_core::space::Config;
use opportune_data::{Dataset, ReadOptions, Task, read};
use pulp::Arch;
use std::fmt::Write as _;
use std::sync::Arc;

/// Every instruction set that this machine has.
pub(crate) fn arches() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all.extend(pulp::x86::V4::try_new().map(Arch::V4));
    }
    all.push(Arch::new());
    all
}

/// Every optimizer there is, as usual and with constants that lead another way through it.
pub(crate) fn optimizers() -> Vec<String> {
    let other = [
        "sgd(momentum=0.9)",
        "sgd(momentum=0.9, nesterov=true)",
        "sgd(momentum=0.9, dampening=0.1)",
        "adam(amsgrad=true)",
        "rmsprop(momentum=0.5)",
        "rmsprop(centered=true)",
        "rmsprop(momentum=0.5, centered=true)",
        "adagrad(lr_decay=0.01, initial_accumulator_value=0.1)",
        "muon(nesterov=false, match_rms_adamw=true)",
        "schedule_free_sgd(r=0.5, weight_lr_power=1)",
        "prodigy(use_bias_correction=true, safeguard_warmup=true)",
        "lbfgs(strong_wolfe=false, history_size=2)",
    ];
    Optimizer::NAMES.iter().chain(&other).map(ToString::to_string).collect()
}

/// These settings with each thing in turn that a network or its steps may have and usually have not, and with all.
pub(crate) fn variants(base: &Settings) -> Vec<Settings> {
    let changes: &[fn(&mut Settings)] = &[
        |one| one.average = Average::Ema { decay: 0.9 },
        |one| one.average = "swa(from=2)".parse().unwrap(),
        |one| one.layer_norm = true,
        |one| one.dropout = 0.3,
        |one| one.clip = Clip { norm: Some(0.05), value: None },
        |one| one.clip.value = Some(0.002),
    ];
    let changed = |changes: &[fn(&mut Settings)]| {
        let mut settings = base.clone();
        changes.iter().for_each(|change| change(&mut settings));
        settings
    };
    changes.iter().map(|change| changed(&[*change])).chain([changed(changes)]).collect()
}

/// What a made-up table is to learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Problem {
    Classes(u32),
    Number,
}

/// A table of random features and a target that depends on them.
pub(crate) fn table(rows: usize, features: usize, problem: Problem) -> Dataset {
    let mut stream = Stream::new(rows as u64, features as u32, None, Purpose::Split);
    let mut text: String = (0..features).map(|column| format!("x{column},")).collect();
    text.push_str("y\n");
    for row in 0..rows {
        let values: Vec<f64> = (0..features).map(|_| stream.normal()).collect();
        let sum = values.iter().zip(1..).map(|(x, k)| (x * f64::from(k)).sin()).sum::<f64>();
        values.iter().for_each(|x| write!(text, "{x},").unwrap());
        match problem {
            // The first rows make sure that every class is there.
            Problem::Classes(k) if row < k as usize => writeln!(text, "{row}").unwrap(),
            Problem::Classes(k) => {
                writeln!(text, "{}", ((sum + 2.0) * f64::from(k) / 4.0).clamp(0.0, f64::from(k - 1)).floor()).unwrap();
            }
            Problem::Number => writeln!(text, "{}", 100.0 + 7.0 * sum).unwrap(),
        }
    }
    let task = if problem == Problem::Number { Task::Regression } else { Task::Classification };
    of_text(&text, Some(task))
}

/// A table with three labels, which rows may have together.
pub(crate) fn labelled(rows: usize) -> Dataset {
    let row = |row: usize| {
        let (a, b) = (row * 37 % 101, row * 59 % 97);
        format!("{a},{b},{},{},{}\n", u8::from(a > 50), u8::from(b > 30), u8::from(a + b > 120))
    };
    let text = "a,b,p,q,r\n".to_string() + &(0..rows).map(row).collect::<String>();
    csv(&text).with_labels(&["q".into(), "p".into()]).unwrap()
}

/// The data set of a CSV file.
pub(crate) fn csv(text: &str) -> Dataset {
    of_text(text, None)
}

fn of_text(text: &str, task: Option<Task>) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    read(&path, &ReadOptions { task, ..ReadOptions::default() }).unwrap().data
}

/// A trainer with one fold, of which every fourth row validates.
pub(crate) fn trainer(data: Dataset, base: &Settings, threads: usize) -> NativeTrainer {
    let rows = data.rows() as u32;
    let (validation, train): (Vec<u32>, Vec<u32>) = (0..rows).partition(|row| row % 4 == 3);
    let score = match data.task() {
        Some(Task::Regression) => Score::R2,
        _ => Score::Accuracy,
    };
    NativeTrainer::new(Arc::new(data), vec![(train, validation)], (0..rows).collect(), base.clone(), score, threads)
        .unwrap()
}

/// A plan of the base settings for the fold, and its samples.
pub(crate) fn planned(data: Dataset, base: &Settings) -> (Arc<Plan>, Arc<Samples>) {
    let trainer = trainer(data, base, 1);
    let plan = trainer.plan(&Config::default(), Part::Fold(0)).unwrap();
    (Arc::new(plan), trainer.samples(Part::Fold(0)).unwrap().clone())
}
