//! Schedules on their way from upstream to our text form.

use super::Import;
use super::bind::Bound;
use super::lambda::Formula;
use super::shapes::places;
use crate::InputError;
use crate::text::{Writer, number, numbers, quoted};

/// Schedules one after another, each from a tick on; the first begins at 0.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    segments: Vec<Segment>,
}

/// One schedule, from its start to that of the next.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// The tick at which it begins.
    start: u64,
    /// The rate that its factors multiply; none if its rates are its own.
    rate: Option<f64>,
    /// The schedule as it is best written, without length and clock, where it can run its course.
    text: Writer,
    /// Whether it changes per step unless told otherwise.
    per_step: bool,
    /// The ticks it takes; none if it goes on without end.
    length: Option<u64>,
    /// Whether `text` has rates of its own, so that it can only stand alone; among others it takes its general form.
    owning: bool,
    /// The same factors in a form that can be multiplied, cut off and held.
    general: General,
    /// Upstream's name of it and its place, for errors.
    name: String,
    at: usize,
}

/// Factors, in forms that can be multiplied by a number. Ticks are counted from the start of the segment.
#[derive(Debug, Clone)]
pub(super) enum General {
    /// Points with lines or half cosines between them; before the first and after the last their factors.
    Points { at: Vec<u64>, factors: Vec<f64>, cosine: bool },
    /// One factor more than places where it changes.
    Steps { at: Vec<u64>, factors: Vec<f64> },
    /// A formula of the tick.
    Formula(Formula),
    /// It has no other form than its own.
    Own,
}

impl Segment {
    /// A segment that begins at 0.
    pub(super) fn new(bound: &Bound<'_>, rate: Option<f64>, text: Writer, general: General) -> Self {
        let (name, at) = (bound.name().to_owned(), bound.call.at);
        Segment { start: 0, rate, text, per_step: false, length: None, owning: false, general, name, at }
    }

    /// The same with an end.
    pub(super) fn over(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// The same, whose text has rates of its own.
    pub(super) fn owning(mut self) -> Self {
        self.owning = true;
        self
    }

    /// The same, of a kind that changes per step unless told otherwise.
    pub(super) fn per_step(mut self) -> Self {
        self.per_step = true;
        self
    }

    /// The same, written in another form where it can run its course.
    pub(super) fn written(mut self, text: Writer) -> Self {
        self.text = text;
        self
    }

    /// The same, written in its general form.
    pub(super) fn general(import: &Import<'_>, bound: &Bound<'_>, rate: f64, general: General) -> Self {
        let text = general.write(import, 1.0);
        Segment::new(bound, Some(rate), text, general)
    }

    fn error(&self, import: &Import<'_>, what: String) -> InputError {
        import.place.error(self.at, what)
    }
}

impl General {
    /// A formula of which nothing is known.
    pub(super) fn formula(text: String) -> Self {
        General::Formula(Formula::new(text))
    }

    /// The schedule whose factors are these times another.
    fn write(&self, import: &Import<'_>, ratio: f64) -> Writer {
        let scaled = |factors: &[f64]| numbers(&factors.iter().map(|factor| factor * ratio).collect::<Vec<_>>());
        match self {
            General::Points { at, factors, cosine } => {
                let mut text = Writer::new("interpolate");
                text.key("at", places(import, at)).key("factors", scaled(factors));
                if *cosine {
                    text.key("shape", "cosine");
                }
                text
            }
            General::Steps { at, factors } if at.is_empty() => {
                let factor = factors.first().copied().unwrap_or(1.0) * ratio;
                if factor == 1.0 {
                    return Writer::new("constant");
                }
                let mut text = Writer::new("constant_factor");
                text.key("factor", number(factor));
                text
            }
            General::Steps { at, factors } => {
                let mut text = Writer::new("piecewise");
                text.key("at", places(import, at)).key("factors", scaled(factors));
                text
            }
            General::Formula(formula) => {
                let factor = if ratio == 1.0 { "base".to_owned() } else { format!("base * {}", number(ratio)) };
                let mut text = Writer::new("formula");
                text.value(quoted(formula.times(&factor).text()));
                text
            }
            General::Own => Writer::new("constant"),
        }
    }
}

impl From<Segment> for Timeline {
    fn from(segment: Segment) -> Self {
        Timeline { segments: vec![segment] }
    }
}

impl Timeline {
    /// Timelines one after another, each from its start on, counted from that start. The first begins at 0, and starts do not
    /// descend; one that ends where it begins is left out.
    pub(super) fn join(parts: impl IntoIterator<Item = (u64, Timeline)>) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        for (start, part) in parts {
            segments.retain(|segment| segment.start < start);
            segments.extend(
                part.segments
                    .into_iter()
                    .map(|segment| Segment { start: segment.start.saturating_add(start), ..segment }),
            );
        }
        Timeline { segments }
    }

    /// Whether it holds rates of its own.
    pub(super) fn owns_rate(&self) -> bool {
        self.segments.iter().any(|segment| segment.rate.is_none())
    }

    /// The text of the schedule for the run, and the base rate it is resolved with.
    ///
    /// # Errors
    /// If schedules that multiply a rate stand beside some that have their own, or one would have to be cut off or multiplied
    /// that has no form in which it can be.
    pub(super) fn write(&self, import: &Import<'_>) -> Result<(String, Option<f64>), InputError> {
        // They ascend, and the first begins at 0.
        let count = self.segments.iter().take_while(|segment| segment.start < import.given.steps).count();
        let segments = &self.segments[..count];
        let Some(first) = segments.first() else {
            return Err(import.place.error(1, "there is no schedule"));
        };
        let rates: Vec<f64> = segments.iter().filter_map(|segment| segment.rate).collect();
        if !rates.is_empty() && rates.len() < segments.len() {
            return Err(first
                .error(import, "schedules with rates of their own beside some that multiply a learning rate".into())
                .remedy("take schedules of one sort"));
        }
        let base = (!rates.is_empty()).then(|| rates.iter().fold(0.0f64, |a, b| a.max(*b)));
        if base.is_some_and(|base| base <= 0.0) {
            return Err(first.error(import, "every rate is 0".into()).remedy("give a rate above 0"));
        }
        if let [only] = segments {
            return Ok((only.alone(import), base.filter(|_| !only.owning)));
        }
        let mut sequence = Writer::new("sequence");
        // A chain takes what the others leave, so that beside it the last needs its length too.
        let rest = segments.iter().any(Segment::takes_the_rest).then_some(import.given.steps);
        for (index, segment) in segments.iter().enumerate() {
            let end = segments.get(index + 1).map(|next| next.start).or(rest);
            sequence.value(segment.within(import, base, end, index == 0)?);
        }
        Ok((sequence.finish(), base))
    }
}

impl Segment {
    /// Whether it has no length in a sequence but that which the others leave.
    fn takes_the_rest(&self) -> bool {
        self.text.name() == "chain"
    }

    /// The text where it stands alone.
    fn alone(&self, import: &Import<'_>) -> String {
        let mut text = self.text.clone();
        if let Some(length) = self.length {
            text.key("over", import.length(length));
        }
        self.clocked(import, text, self.per_step)
    }

    /// The text in a sequence, up to the start of the next or, if it is the last, the end of the run.
    fn within(
        &self,
        import: &Import<'_>,
        base: Option<f64>,
        end: Option<u64>,
        first: bool,
    ) -> Result<String, InputError> {
        let ratio = match (self.rate, base) {
            (Some(rate), Some(base)) => rate / base,
            _ => 1.0,
        };
        let last = end.is_none();
        let room = end.unwrap_or(import.given.steps) - self.start;
        // The last holds its end, and a run's rest may be longer than it; the others take exactly the ticks up to the next.
        let runs_its_course = self.length.is_none_or(|length| length == room || (last && length < room));
        let (mut text, over) = if ratio == 1.0 && runs_its_course && !self.owning {
            (self.text.clone(), self.length.or((!last).then_some(room)))
        } else if ratio == 0.0 {
            let nothing = General::Steps { at: Vec::new(), factors: vec![0.0] };
            (nothing.write(import, 1.0), (!last).then_some(room))
        } else if matches!(self.general, General::Own) {
            return Err(self
                .error(import, format!("{} is cut off, held or multiplied here, and has no form for that", self.name))
                .remedy("let it end where the next begins, at the rate of the others"));
        } else {
            (self.general.write(import, ratio), (!last).then_some(room))
        };
        if let Some(over) = over.filter(|_| !self.takes_the_rest()) {
            text.key("over", import.length(over));
        }
        // A line that leads a sequence is a warm-up, which changes per step by itself.
        let per_step = (self.per_step && !self.owning) || (first && text.name() == "linear");
        Ok(self.clocked(import, text, per_step))
    }

    /// Adds the clock where it is not that of the kind.
    fn clocked(&self, import: &Import<'_>, mut text: Writer, per_step: bool) -> String {
        let plain = ["constant", "formula", "chain", "on_plateau"].contains(&text.name());
        if !plain && per_step == import.by_epochs() {
            text.key("per", import.clock());
        }
        text.finish()
    }
}
