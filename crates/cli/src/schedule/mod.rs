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
    let schedules = flags.specs.iter().map(|spec| read(flags, spec)).collect::<Result<Vec<_>, _>>()?;
    let rates = u64::from(flags.epochs) * u64::from(flags.steps_per_epoch) * schedules.len() as u64;
    if rates > RATES_MOST {
        return Err(InputError::new(format!("{rates} rates are more than can be shown"))
            .at("--epochs")
            .remedy(format!("ask for at most {RATES_MOST}")));
    }
    let lr = rate(flags, &schedules)?;
    let courses = schedules.iter().map(|schedule| course(flags, schedule, lr)).collect::<Result<Vec<_>, _>>()?;
    let of_run = of_run(flags, &schedules, lr);
    if let Some(path) = &flags.svg {
        let written = std::fs::write(path, rates_svg(&courses, flags.log, &of_run));
        let cannot = |error| InputError::new(format!("cannot be written ({error})")).at(path.display().to_string());
        written.map_err(cannot)?;
    }
    if flags.print {
        for schedule in &schedules {
            print_line(&schedule.to_string())?;
        }
    } else if flags.json {
        let rates: Vec<Vec<f64>> = courses.iter().map(|course| course.rates().collect()).collect();
        print_line(&if let [one] = &rates[..] { json!(one) } else { json!(rates) }.to_string())?;
    } else {
        if let [one] = &schedules[..] {
            print_line(&one.to_string())?;
        }
        let default = if flags.lr.is_none() && lr.is_some() { " (as in fit; --lr names another)" } else { "" };
        print_line(&format!("{of_run}{default}\n"))?;
        print_line(&rates_terminal(&courses, flags.log, look(flags.ascii)))?;
        print_line(rates_table(&courses).trim_end())?;
        if let Some(path) = &flags.svg {
            print_line(&format!("written: {}", path.display()))?;
        }
    }
    Ok(Exit::Fine)
}

/// The schedule of a text. Of several, the error says which.
fn read(flags: &ScheduleOver, spec: &str) -> Result<Schedule, InputError> {
    spec.parse().map_err(|error| named(flags, spec, error))
}

fn named(flags: &ScheduleOver, spec: &str, error: InputError) -> InputError {
    if flags.specs.len() > 1 { error.at(format!("'{spec}'")) } else { error }
}

/// What is multiplied by the schedules that multiply a rate; `None` if none does.
fn rate(flags: &ScheduleOver, schedules: &[Schedule]) -> Result<Option<f64>, InputError> {
    if schedules.iter().any(|schedule| !schedule.owns_rate()) {
        return Ok(flags.lr.or(Settings::default().lr));
    }
    match flags.lr {
        None => Ok(None),
        Some(_) => Err(InputError::new(format!("the schedule {} has rates of its own", schedules[0]))
            .at("--lr")
            .remedy("leave --lr out, or choose a schedule that scales it")),
    }
}

fn course(flags: &ScheduleOver, schedule: &Schedule, lr: Option<f64>) -> Result<Course, InputError> {
    let base = lr.filter(|_| !schedule.owns_rate());
    let resolved = schedule.resolve(base, flags.steps_per_epoch, flags.epochs);
    Ok(Course::new(schedule, resolved.map_err(|error| named(flags, &schedule.to_string(), error))?, flags.epochs))
}

/// The run and its rate, in words.
fn of_run(flags: &ScheduleOver, schedules: &[Schedule], lr: Option<f64>) -> String {
    let count = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let steps = match flags.steps_per_epoch {
        1 => String::new(),
        steps => format!(" of {}", count(steps, "step")),
    };
    let own = schedules.iter().filter(|schedule| schedule.owns_rate()).count();
    let rates = match lr {
        Some(lr) if own > 0 => format!("learning rate {} where a schedule has none of its own", number(lr)),
        Some(lr) => format!("learning rate {}", number(lr)),
        None if own == 1 => "the rates are the schedule's own".to_string(),
        None => "the rates are the schedules' own".to_string(),
    };
    format!("{}{steps}, {rates}", count(flags.epochs, "epoch"))
}
