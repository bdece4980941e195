//! Imported constructor calls held against what upstream makes of them.

mod golden_rows;

use golden_rows::{Clock, Run};
use opportune_core::upstream::{Given, Imported, SOURCES, Source, import};
use serde::Deserialize;

/// What one call gave upstream.
#[derive(Deserialize)]
struct Row {
    call: String,
    /// How its arguments are given: `positional`, `keywords`, `defaults` where every one that may be left out is.
    given: Vec<String>,
    lr: Option<f64>,
    #[serde(flatten)]
    run: Run,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("golden/schedules_import.json")).expect("golden rows")
}

impl Row {
    fn source(&self) -> Source {
        self.run.source.parse().expect("a source")
    }

    fn import(&self, text: &str) -> Imported {
        let ticks_per_epoch = if self.run.clock == Clock::Epoch { 1 } else { self.run.steps_per_epoch };
        let steps = u64::from(self.run.epochs) * u64::from(ticks_per_epoch);
        let given = Given { lr: self.lr, steps, ticks_per_epoch };
        import(self.source(), text, &given).unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}

#[test]
fn rates_are_those_of_upstream() {
    for row in &rows() {
        let imported = row.import(&row.call);
        let what = format!("{} as {}", row.call, imported.schedule);
        let resolved = imported
            .schedule
            .resolve(imported.base, row.run.steps_per_epoch, row.run.epochs)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(imported.schedule.owns_rate(), imported.base.is_none(), "{what}");
        row.run.compare(&what, &resolved);
    }
}

/// The optimizer, modules before names and an assignment make no difference.
#[test]
fn what_is_passed_over_changes_nothing() {
    for row in &rows() {
        let imported = row.import(&row.call);
        let prefix = match row.source() {
            Source::Torch => "torch.optim.lr_scheduler.",
            Source::Keras => "keras.optimizers.schedules.",
            Source::Optax => "optax.",
        };
        let mut others = vec![format!("{prefix}{}", row.call), format!("scheduler = {}", row.call)];
        // A chain has its schedulers first, so that only those within it have an optimizer to leave out.
        others.push(
            row.call.replace("(optimizer, ", "(").replace("(optimizer)", "()").replace(", optimizer=optimizer", ""),
        );
        for other in others {
            assert_eq!(row.import(&other), imported, "{other}");
        }
    }
}

/// Each constructor is held against upstream with its defaults, by position and by keyword.
#[test]
fn every_constructor_has_rows() {
    let rows = rows();
    for source in SOURCES {
        for name in source.constructors().filter(|name| *name != "ReduceLROnPlateau") {
            let of = |row: &&Row| row.source() == source && row.call.starts_with(&format!("{name}("));
            let given: Vec<&str> =
                rows.iter().filter(of).flat_map(|row| row.given.iter().map(String::as_str)).collect();
            for way in ["positional", "keywords", "defaults"] {
                assert!(given.contains(&way), "{source} {name} has no row with {way}");
            }
        }
    }
}
