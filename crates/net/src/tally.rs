//! Loss and score of many rows, batch by batch.

use crate::losses::Sums;
use crate::real::Real;
use crate::truth::Truth;
use opportune_core::observation::Scored;
use opportune_core::score::Score;
use opportune_data::TargetEncoder;

/// What predictions are worth, so far.
#[derive(Debug)]
pub(crate) struct Tally {
    score: Score,
    loss: f64,
    hits: u64,
    rows: usize,
    /// Sum of their weights.
    weight: f64,
    /// Kept only where the score is not the share of hits: probabilities (n x k), or numbers in original units.
    predictions: Vec<f64>,
    labels: Vec<u32>,
    numbers: Vec<f64>,
}

impl Tally {
    /// With room for so many rows of `outputs` outputs.
    pub(crate) fn new(score: Score, rows: usize, outputs: usize) -> Tally {
        let rows = if score == Score::Accuracy { 0 } else { rows };
        let (classes, numbers) = if score.is_regression() { (0, rows) } else { (rows, 0) };
        Tally {
            score,
            loss: 0.0,
            hits: 0,
            rows: 0,
            weight: 0.0,
            predictions: Vec::with_capacity(numbers + classes * outputs.max(2)),
            labels: Vec::with_capacity(classes * outputs),
            numbers: Vec::with_capacity(numbers),
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        (self.loss, self.hits, self.rows, self.weight) = (0.0, 0, 0, 0.0);
        self.predictions.clear();
        self.labels.clear();
        self.numbers.clear();
    }

    /// Adds the rows of a batch.
    pub(crate) fn add<'a, T: Real>(
        &mut self,
        sums: Sums,
        truth: &Truth<T>,
        predictions: impl ExactSizeIterator<Item = &'a [T]>,
    ) {
        self.loss += sums.loss;
        self.hits += u64::from(sums.hits);
        self.rows += predictions.len();
        self.weight += truth.total;
        if self.score == Score::Accuracy {
            return;
        }
        for row in predictions {
            match (row, &truth.encoding) {
                ([z], target @ TargetEncoder::Numbers { .. }) => self.predictions.push(target.original(z.wide())),
                ([p], TargetEncoder::Classes { .. }) => self.predictions.extend([1.0 - p.wide(), p.wide()]),
                _ => self.predictions.extend(row.iter().map(|p| p.wide())),
            }
        }
        if self.score.is_regression() {
            self.numbers.extend_from_slice(&truth.numbers);
        } else {
            self.labels.extend_from_slice(&truth.labels);
        }
    }

    /// Sum of the weights of all rows that were added.
    pub(crate) fn weight(&self) -> f64 {
        self.weight
    }

    /// Mean loss of all that was added, by weight; NaN of nothing.
    pub(crate) fn loss(&self) -> f64 {
        self.loss / self.weight
    }

    /// Mean loss of all that was added, by weight, and score, in which every row counts alike; NaN of nothing.
    pub(crate) fn scored(&self) -> Scored {
        let rows = self.rows as f64;
        let loss = self.loss();
        let score = match self.score {
            // A loss that is not a number comes of a probability that is none.
            Score::Accuracy if loss.is_nan() => f64::NAN,
            Score::Accuracy => self.hits as f64 / rows,
            score if score.is_regression() => score.of_numbers(&self.numbers, &self.predictions),
            // Of several labels there is one for each output.
            score if self.labels.len() > self.rows => {
                score.of_labels(&self.labels, &self.predictions, self.predictions.len() / self.rows.max(1))
            }
            score => score.of_classes(&self.labels, &self.predictions, self.predictions.len() / self.rows.max(1)),
        };
        Scored { loss, score }
    }
}
