//! `opportune schedule`: the rate over a run, without training anything.

mod list;

use crate::flags::{ScheduleCommand, ScheduleOver};
use crate::look::look;
use crate::progress::print_line;
use crate::work::Exit;
use opportune_core::InputError;
use opportune_core::schedule::Schedule;
use opportune_core::settings::Settings;
use opportune_core::text::number;
use opportune_core::upstream::{Given, Imported, Source, import};
use opportune_report::{Course, rates_svg, rates_table, rates_terminal};
use serde_json::json;

/// Rates of one command at the most: more is a slip of the keyboard.
const RATES_MOST: u64 = 10_000_000;

pub fn run(flags: &ScheduleOver) -> Result<Exit, InputError> {
    if let Some(ScheduleCommand::List(flags)) = &flags.command {
        return list::run(flags);
    }
    if flags.specs.is_empty() {
        return Err(InputError::new("no schedule given")
            .at("<SPEC>")
            .remedy("write one, as cosine, or see opportune schedule list"));
    }
    let steps = u64::from(flags.epochs) * u64::from(flags.steps_per_epoch);
    let rates = steps.saturating_mul(flags.specs.len() as u64);
    if rates > RATES_MOST {
        return Err(InputError::new(format!("{rates} rates are more than can be shown"))
            .at("--epochs")
            .remedy(format!("ask for at most {RATES_MOST}")));
    }
    let asked = match flags.from {
        Some(source) => imported(flags, source)?,
        None => own(flags)?,
    };
    let courses = asked.iter().map(|asked| asked.course(flags)).collect::<Result<Vec<_>, _>>()?;
    let of_run = of_run(flags, &asked);
    if let Some(path) = &flags.svg {
        let written = std::fs::write(path, rates_svg(&courses, flags.log, &of_run));
        let cannot = |error| InputError::new(format!("cannot be written ({error})")).at(path.display().to_string());
        written.map_err(cannot)?;
    }
    if flags.print {
        for asked in &asked {
            print_line(&asked.schedule.to_string())?;
        }
    } else if flags.json {
        let rates: Vec<Vec<f64>> = courses.iter().map(|course| course.rates().collect()).collect();
        print_line(&if let [one] = &rates[..] { json!(one) } else { json!(rates) }.to_string())?;
    } else {
        if flags.from.is_some() {
            for asked in &asked {
                print_line(&format!("{} is here\n  {}", asked.spec, asked.schedule))?;
            }
        } else if let [one] = &asked[..] {
            print_line(&one.schedule.to_string())?;
        }
        let takes =
            |asked: &Asked<'_>| asked.base.is_some() && (flags.from.is_none() || flags.from == Some(Source::Torch));
        let default = flags.lr.is_none() && asked.iter().any(takes);
        let default = if default { " (as in fit; --lr names another)" } else { "" };
        print_line(&format!("{of_run}{default}\n"))?;
        print_line(&rates_terminal(&courses, flags.log, look(flags.ascii)))?;
        print_line(rates_table(&courses).trim_end())?;
        if let Some(path) = &flags.svg {
            print_line(&format!("written: {}", path.display()))?;
        }
    }
    Ok(Exit::Fine)
}

/// A schedule that is shown.
struct Asked<'a> {
    spec: &'a str,
    schedule: Schedule,
    /// What it multiplies; none where it has rates of its own.
    base: Option<f64>,
}

impl Asked<'_> {
    fn course(&self, flags: &ScheduleOver) -> Result<Course, InputError> {
        let resolved = self.schedule.resolve(self.base, flags.steps_per_epoch, flags.epochs);
        let resolved = resolved.map_err(|error| named(flags, self.spec, error))?;
        Ok(Course::new(&self.schedule, resolved, flags.epochs))
    }
}

/// Of several schedules, the error says of which it is.
fn named(flags: &ScheduleOver, spec: &str, error: InputError) -> InputError {
    if flags.specs.len() > 1 { error.at(format!("'{spec}'")) } else { error }
}

/// Schedules as Opportune writes them.
fn own(flags: &ScheduleOver) -> Result<Vec<Asked<'_>>, InputError> {
    let read = |spec: &String| crate::rates::schedule(spec).map_err(|error| named(flags, spec, error));
    let schedules = flags.specs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if flags.lr.is_some() && schedules.iter().all(Schedule::owns_rate) {
        return Err(InputError::new(format!("the schedule {} has rates of its own", schedules[0].brief()))
            .at("--lr")
            .remedy("leave --lr out, or choose a schedule that scales it"));
    }
    let lr = flags.lr.or(Settings::default().lr);
    let all = flags.specs.iter().zip(schedules);
    Ok(all.map(|(spec, schedule)| Asked { spec, base: lr.filter(|_| !schedule.owns_rate()), schedule }).collect())
}

/// Schedules as another library writes them. Only PyTorch's take the optimizer's rate; the others name their own.
fn imported(flags: &ScheduleOver, source: Source) -> Result<Vec<Asked<'_>>, InputError> {
    let lr = if source == Source::Torch { flags.lr.or(Settings::default().lr) } else { flags.lr };
    let steps = u64::from(flags.epochs) * u64::from(flags.steps_per_epoch);
    let given = Given { lr, steps, ticks_per_epoch: flags.steps_per_epoch };
    let mut all = Vec::new();
    for spec in &flags.specs {
        let Imported { schedule, base } = import(source, spec, &given).map_err(|error| named(flags, spec, error))?;
        all.push(Asked { spec, schedule, base });
    }
    Ok(all)
}

/// The run and its rate, in words.
fn of_run(flags: &ScheduleOver, asked: &[Asked<'_>]) -> String {
    let count = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let steps = match flags.steps_per_epoch {
        1 => String::new(),
        steps => format!(" of {}", count(steps, "step")),
    };
    let mut bases: Vec<f64> = asked.iter().filter_map(|asked| asked.base).collect();
    bases.dedup();
    let own = asked.iter().filter(|asked| asked.base.is_none()).count();
    let rates = match bases[..] {
        [lr] if own > 0 => format!("learning rate {} where a schedule has none of its own", number(lr)),
        [lr] => format!("learning rate {}", number(lr)),
        [] if own == 1 => "the rates are the schedule's own".to_string(),
        _ => "the rates are the schedules' own".to_string(),
    };
    format!("{}{steps}, {rates}", count(flags.epochs, "epoch"))
}
