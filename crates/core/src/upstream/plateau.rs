//! ReduceLROnPlateau of PyTorch and of Keras: it reads a metric, so that it can be written but not drawn ahead.

use super::Import;
use super::bind::Bound;
use super::timeline::{General, Segment, Timeline};
use super::torch::from_the_beginning;
use crate::InputError;
use crate::text::{Writer, number};

type Read = Result<Timeline, InputError>;

/// What both have: the factor and the numbers of epochs, then the lowest rate.
fn common(bound: &Bound<'_>, text: &mut Writer) -> Result<(), InputError> {
    text.key("factor", number(bound.number("factor")?.unwrap_or(0.1)));
    text.key("patience", bound.ticks("patience", 0)?.unwrap_or(10));
    text.key("cooldown", bound.ticks("cooldown", 0)?.unwrap_or(0));
    text.key("min", number(bound.number("min_lr")?.unwrap_or(0.0)));
    Ok(())
}

/// The mode `max` reads the score, which knows itself that higher is better.
fn monitor(mode: Option<&str>) -> Option<&'static str> {
    (mode == Some("max")).then_some("score")
}

fn segment(import: &Import<'_>, bound: &Bound<'_>, text: Writer) -> Read {
    if !import.by_epochs() {
        return Err(bound
            .error(format!("{} reads a metric after each epoch, not after each step", bound.name()))
            .remedy("leave the steps per epoch out"));
    }
    Ok(Segment::new(bound, Some(import.lr(bound)?), text, General::Own).into())
}

pub(super) fn torch(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let mut text = Writer::new("on_plateau");
    common(bound, &mut text)?;
    text.key("threshold", number(bound.number("threshold")?.unwrap_or(1e-4)));
    if bound.word("threshold_mode", &["rel", "abs"])? == Some("abs") {
        text.key("mode", "absolute");
    }
    text.key("eps", number(bound.number("eps")?.unwrap_or(1e-8)));
    if let Some(monitor) = monitor(bound.word("mode", &["min", "max"])?) {
        text.key("monitor", monitor);
    }
    segment(import, bound, text)
}

pub(super) fn keras(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let mut text = Writer::new("on_plateau");
    common(bound, &mut text)?;
    text.key("threshold", number(bound.number("min_delta")?.unwrap_or(1e-4)));
    text.key("mode", "absolute").key("eps", 0).key("like", "keras");
    let metric = bound.word("monitor", &["val_loss", "loss", "val_accuracy"])?;
    let read = match (metric, bound.word("mode", &["auto", "min", "max"])?) {
        (Some("loss"), _) => Some("training_loss"),
        (Some("val_accuracy"), _) => Some("score"),
        (_, mode) => monitor(mode),
    };
    if let Some(monitor) = read {
        text.key("monitor", monitor);
    }
    segment(import, bound, text)
}
