//! `opportune schedule list`: what there is.

use crate::flags::ScheduleList;
use crate::look::look;
use crate::progress::print_line;
use crate::work::Exit;
use opportune_core::InputError;
use opportune_core::schedule::{KINDS, Kind};
use opportune_core::text::nearest;
use opportune_report::{kind_json, schedule_list};

pub fn run(flags: &ScheduleList) -> Result<Exit, InputError> {
    let find = |name: &String| {
        let found = KINDS.iter().copied().find(|kind| kind.name == name);
        found.ok_or_else(|| {
            let error = InputError::new(format!("there is no schedule '{name}'")).at("schedule list");
            match nearest(name, KINDS.iter().map(|kind| kind.name)) {
                Some(near) => error.remedy(format!("did you mean '{near}'?")),
                None => error.remedy("opportune schedule list names all"),
            }
        })
    };
    let kinds: Vec<&Kind> = match flags.names.is_empty() {
        true => KINDS.to_vec(),
        false => flags.names.iter().map(find).collect::<Result<_, _>>()?,
    };
    if flags.json {
        return kinds.iter().try_for_each(|kind| print_line(&kind_json(kind).to_string())).map(|()| Exit::Fine);
    }
    print_line(schedule_list(&kinds, look(flags.ascii)).trim_end())?;
    if flags.names.is_empty() {
        print_line("\nnext: opportune schedule SPEC --epochs 100 draws one over your run")?;
    }
    Ok(Exit::Fine)
}
