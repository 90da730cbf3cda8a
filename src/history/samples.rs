use std::time::Duration;

use crate::domain::{LabelledNumber, Timestamp};

/// Samples of one series: labelled lines on common times, as they were recorded.
///
/// A value that is missing is NaN. A sample without any value says that there was none then: lines have a gap there.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    /// How far apart the samples are when none is missing; zero where nobody can tell.
    pub(super) interval: Duration,
    pub(super) times: Vec<Timestamp>,
    pub(super) lines: Vec<SampleLine>,
}

/// One line of [`Samples`], with a value for each of the times.
#[derive(Clone, Debug)]
pub(super) struct SampleLine {
    pub(super) label: String,
    pub(super) values: Vec<f64>,
}

impl Samples {
    /// No samples, `interval` apart.
    #[cfg(test)]
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, ..Self::default() }
    }

    /// Adds a sample. Its labels are distinct.
    pub(super) fn push(&mut self, at: Timestamp, numbers: &[LabelledNumber]) {
        for number in numbers {
            self.line(&number.label).push(number.value);
        }
        self.times.push(at);
        self.fill_gaps();
    }

    /// Adds all of `later`.
    pub(super) fn append(&mut self, later: Self) {
        self.interval = self.interval.max(later.interval);
        for line in later.lines {
            self.line(&line.label).extend(line.values);
        }
        self.times.extend(later.times);
        self.fill_gaps();
    }

    /// How many numbers they are, with those that are missing.
    pub(super) fn value_count(&self) -> usize {
        self.times.len() * self.lines.len().max(1)
    }

    /// How many numbers they would be together with `later`.
    pub(super) fn value_count_with(&self, later: &Self) -> usize {
        let new = later.lines.iter().filter(|line| self.lines.iter().all(|known| known.label != line.label)).count();
        (self.times.len() + later.times.len()) * (self.lines.len() + new).max(1)
    }

    /// Drops the first half.
    pub(super) fn drop_older_half(&mut self) {
        let dropped = self.times.len().div_ceil(2);
        self.times.drain(..dropped);
        self.lines.iter_mut().for_each(|line| drop(line.values.drain(..dropped)));
    }

    /// The values of the line of that label, which has a gap up to now if it is new.
    fn line(&mut self, label: &str) -> &mut Vec<f64> {
        let place = self.lines.iter().position(|line| line.label == label).unwrap_or_else(|| {
            self.lines.push(SampleLine { label: label.to_owned(), values: vec![f64::NAN; self.times.len()] });
            self.lines.len() - 1
        });
        &mut self.lines[place].values
    }

    fn fill_gaps(&mut self) {
        let length = self.times.len();
        self.lines.iter_mut().for_each(|line| line.values.resize(length, f64::NAN));
    }
}
