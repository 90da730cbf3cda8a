use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::domain::{LabelledNumber, MAX_LINES, Timestamp};

/// The most lines that samples get as they come: several times as many as a reading has, for names that change. A chart draws
/// fewer, and each line takes memory for all times.
const MAX_LABELS: usize = 8 * MAX_LINES;

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

    /// Adds a sample. Its labels are distinct; of more new ones than there may be, nothing is kept.
    pub(super) fn push(&mut self, at: Timestamp, numbers: &[LabelledNumber]) {
        for (likely, number) in numbers.iter().enumerate() {
            if let Some(place) = self.place(&number.label, likely) {
                self.lines[place].values.push(number.value);
            }
        }
        self.times.push(at);
        self.fill_gaps();
    }

    /// Adds all of `later`.
    pub(super) fn append(&mut self, later: Self) {
        self.interval = self.interval.max(later.interval);
        let known: HashMap<&str, usize> =
            self.lines.iter().enumerate().map(|(place, line)| (line.label.as_str(), place)).collect();
        let places: Vec<_> = later.lines.iter().map(|line| known.get(line.label.as_str()).copied()).collect();
        for (SampleLine { label, values }, place) in later.lines.into_iter().zip(places) {
            let place = place.unwrap_or_else(|| self.add_line(label));
            self.lines[place].values.extend(values);
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
        let known: HashSet<&str> = self.lines.iter().map(|line| line.label.as_str()).collect();
        let new = later.lines.iter().filter(|line| !known.contains(line.label.as_str())).count();
        (self.times.len() + later.times.len()) * (self.lines.len() + new).max(1)
    }

    /// Drops the first half, and the lines that have no value any more.
    pub(super) fn drop_older_half(&mut self) {
        let dropped = self.times.len().div_ceil(2);
        self.times.drain(..dropped);
        self.lines.iter_mut().for_each(|line| drop(line.values.drain(..dropped)));
        self.lines.retain(|line| line.values.iter().any(|value| !value.is_nan()));
    }

    /// The place of the line of that label, `likely` or another; `None` where it is new, and there are too many.
    fn place(&mut self, label: &str, likely: usize) -> Option<usize> {
        if self.lines.get(likely).is_some_and(|line| line.label == label) {
            return Some(likely);
        }
        let known = self.lines.iter().position(|line| line.label == label);
        if known.is_some() || self.lines.len() >= MAX_LABELS {
            return known;
        }
        Some(self.add_line(label.to_owned()))
    }

    /// Adds a line, which has a gap up to now, and returns its place.
    fn add_line(&mut self, label: String) -> usize {
        self.lines.push(SampleLine { label, values: vec![f64::NAN; self.times.len()] });
        self.lines.len() - 1
    }

    fn fill_gaps(&mut self) {
        let length = self.times.len();
        self.lines.iter_mut().for_each(|line| line.values.resize(length, f64::NAN));
    }
}
