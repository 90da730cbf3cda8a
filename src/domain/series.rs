use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Values over time: several labelled lines on common times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SeriesParts")]
pub struct Series {
    times: Vec<Timestamp>,
    lines: Vec<SeriesLine>,
    until: Option<Timestamp>,
}

/// The parts of a [`Series`], which may not fit together.
#[derive(Deserialize)]
struct SeriesParts {
    times: Vec<Timestamp>,
    lines: Vec<SeriesLine>,
    until: Option<Timestamp>,
}

/// One line of a [`Series`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesLine {
    /// The name of the thing it measures; empty where there is only one.
    pub label: String,
    /// A value for each time, in the query's unit. Not finite where there is none: the line has a gap.
    pub values: Vec<f64>,
}

/// The value of a line at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPoint {
    /// When.
    pub time: Timestamp,
    /// The label of its line.
    pub label: String,
    /// The value. Not finite where there is none.
    pub value: f64,
}

/// Why times and lines are no [`Series`]. No full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeries {
    /// A line has more or fewer values than there are times.
    #[error("the line '{label}' has {values} values for {times} times")]
    ValueCount {
        /// The line.
        label: String,
        /// The number of its values.
        values: usize,
        /// The number of times.
        times: usize,
    },
    /// Two lines have the same label.
    #[error("each line needs its own label, but there are two of '{label}'")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// A time is not after the one before it.
    #[error("the times are not ascending")]
    Unordered,
    /// The end lies before the last time.
    #[error("the end lies before the last time")]
    EndsTooSoon,
    /// There are more values than [`Series::MAX_VALUES`].
    #[error("there are {values} values in all, and at most {} are allowed", Series::MAX_VALUES)]
    TooManyValues {
        /// The number of values of all lines.
        values: usize,
    },
}

impl TryFrom<SeriesParts> for Series {
    type Error = InvalidSeries;

    fn try_from(SeriesParts { times, lines, until }: SeriesParts) -> Result<Self, InvalidSeries> {
        Self::new(times, lines, until)
    }
}

impl Series {
    /// The most values of all lines together: those of the largest chart (128 lines of 4,000 points), in memory 4 MiB.
    pub const MAX_VALUES: usize = 128 * 4_000;

    /// The series with all times moved by so many milliseconds, into the past where they are negative.
    #[must_use]
    pub fn shifted(self, millis: i64) -> Self {
        let times = self.times.into_iter().map(|time| time.shifted(millis)).collect();
        let until = self.until.map(|until| until.shifted(millis));
        Self { times, lines: self.lines, until }
    }

    /// The lines at these times, the oldest first.
    ///
    /// `until` is the moment up to which nothing is missing, where the source says so: the lines end there, which may be
    /// after their last value. Without it they end with their last time.
    ///
    /// # Errors
    /// [`InvalidSeries`] when they do not fit together, or are too many.
    pub fn new(times: Vec<Timestamp>, lines: Vec<SeriesLine>, until: Option<Timestamp>) -> Result<Self, InvalidSeries> {
        let values = times.len().saturating_mul(lines.len().max(1));
        if values > Self::MAX_VALUES {
            return Err(InvalidSeries::TooManyValues { values });
        }
        if !times.is_sorted_by(|earlier, later| earlier < later) {
            return Err(InvalidSeries::Unordered);
        }
        if until.is_some_and(|until| times.last().is_some_and(|last| until < *last)) {
            return Err(InvalidSeries::EndsTooSoon);
        }
        let mut labels = HashSet::new();
        for line in &lines {
            let label = || line.label.clone();
            if line.values.len() != times.len() {
                return Err(InvalidSeries::ValueCount { label: label(), values: line.values.len(), times: times.len() });
            }
            if !labels.insert(&line.label) {
                return Err(InvalidSeries::DuplicateLabel { label: label() });
            }
        }
        Ok(Self { times, lines, until })
    }

    /// The lines of points in any order, by their labels as these come first. A line has a gap where it has no point, and of two
    /// points at one time the last counts.
    ///
    /// # Errors
    /// [`InvalidSeries::TooManyValues`].
    pub fn of_points(points: &[SeriesPoint]) -> Result<Self, InvalidSeries> {
        let times: BTreeSet<Timestamp> = points.iter().map(|point| point.time).collect();
        let times: Vec<Timestamp> = times.into_iter().collect();
        let labels: IndexSet<&str> = points.iter().map(|point| point.label.as_str()).collect();
        let values = times.len().saturating_mul(labels.len());
        if values > Self::MAX_VALUES {
            return Err(InvalidSeries::TooManyValues { values });
        }
        let gaps = |label: &&str| SeriesLine { label: (*label).to_owned(), values: vec![f64::NAN; times.len()] };
        let mut lines: Vec<_> = labels.iter().map(gaps).collect();
        for point in points {
            if let (Some(line), Ok(at)) = (labels.get_index_of(point.label.as_str()), times.binary_search(&point.time)) {
                lines[line].values[at] = point.value;
            }
        }
        Self::new(times, lines, None)
    }

    /// The times of the values, ascending.
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The lines, in the source's order. Each has as many values as there are times.
    pub fn lines(&self) -> &[SeriesLine] {
        &self.lines
    }

    /// The series without what comes after `end`.
    pub fn up_to(&self, end: Timestamp) -> Cow<'_, Self> {
        let kept = self.times.partition_point(|time| *time <= end);
        if kept == self.times.len() {
            return Cow::Borrowed(self);
        }
        let line = |line: &SeriesLine| SeriesLine { label: line.label.clone(), values: line.values[..kept].to_vec() };
        let lines = self.lines.iter().map(line).collect();
        Cow::Owned(Self { times: self.times[..kept].to_vec(), lines, until: self.until.min(Some(end)) })
    }

    /// The last value of each line that there is one of, with its label.
    pub fn latest(&self) -> impl Iterator<Item = (&str, f64)> {
        self.lines.iter().map(|line| {
            let known = line.values.iter().rev().find(|value| value.is_finite());
            (line.label.as_str(), known.copied().unwrap_or(f64::NAN))
        })
    }

    /// The moment up to which nothing is missing, where the source says so. Not before the last time.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

/// A span of the past that a source is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    from: Timestamp,
    to: Timestamp,
    step: Option<Duration>,
}

impl TimeRange {
    /// The last `length` before `to`. The source chooses the times between the values.
    pub fn ending_at(to: Timestamp, length: Duration) -> Self {
        Self { from: to - length, to, step: None }
    }

    /// The same range with `step` between two values, as far as the source can choose. A step of zero is none.
    #[must_use]
    pub fn with_step(self, step: Duration) -> Self {
        Self { step: (!step.is_zero()).then_some(step), ..self }
    }

    /// The beginning, which belongs to the range.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// The end, which belongs to the range too. Not before the beginning.
    pub fn to(&self) -> Timestamp {
        self.to
    }

    /// The time wanted between two values; more than zero.
    pub fn step(&self) -> Option<Duration> {
        self.step
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn times(millis: &[i64]) -> Vec<Timestamp> {
        millis.iter().copied().map(Timestamp::from_millis).collect()
    }

    fn line(label: &str, values: &[f64]) -> SeriesLine {
        SeriesLine { label: label.to_owned(), values: values.to_vec() }
    }

    #[test]
    fn a_series_is_what_fits_together() {
        let end = Some(Timestamp::from_millis(9));
        let series = Series::new(times(&[1, 5]), vec![line("a", &[1.0, f64::NAN]), line("b", &[2.0, 3.0])], end).unwrap();
        assert_eq!((series.times().len(), series.lines()[1].values[1], series.until()), (2, 3.0, end));
        assert!(Series::new(Vec::new(), Vec::new(), None).is_ok(), "nothing happened, and that is an answer");
        assert!(Series::new(Vec::new(), vec![line("a", &[])], end).is_ok());
        assert!(Series::new(times(&[1, 9]), vec![line("", &[1.0, 2.0])], end).is_ok());
    }

    #[test]
    fn what_does_not_fit_together_cannot_come_from_elsewhere_either() {
        let end = Some(Timestamp::from_millis(9));
        let series = Series::new(times(&[1, 5]), vec![line("a", &[1.0, 2.0])], end).unwrap();
        let bytes = postcard::to_allocvec(&series).unwrap();
        assert_eq!(postcard::from_bytes::<Series>(&bytes).unwrap(), series);
        let crooked = Series { times: times(&[5, 1]), ..series };
        assert!(postcard::from_bytes::<Series>(&postcard::to_allocvec(&crooked).unwrap()).is_err());
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let error = |at: &[i64], lines: Vec<SeriesLine>, until: Option<i64>| {
            Series::new(times(at), lines, until.map(Timestamp::from_millis)).unwrap_err().to_string()
        };
        assert_eq!(error(&[1, 2], vec![line("a", &[1.0])], None), "the line 'a' has 1 values for 2 times");
        assert_eq!(
            error(&[1], vec![line("a", &[1.0]), line("a", &[1.0])], None),
            "each line needs its own label, but there are two of 'a'"
        );
        assert_eq!(error(&[2, 1], Vec::new(), None), "the times are not ascending");
        assert_eq!(error(&[2, 2], Vec::new(), None), "the times are not ascending");
        assert_eq!(error(&[1, 2], Vec::new(), Some(1)), "the end lies before the last time");
        let many = i64::try_from(Series::MAX_VALUES).unwrap() / 2 + 1;
        let lines = vec![line("a", &[]), line("b", &[])];
        assert!(error(&(0..many).collect::<Vec<_>>(), lines, None).starts_with("there are 512002 values in all"));
        assert!(error(&(0..many * 2).collect::<Vec<_>>(), Vec::new(), None).starts_with("there are 512002 values in all"));
    }

    #[test]
    fn a_range_runs_forward_whatever_is_asked() {
        let to = Timestamp::from_millis(10_000);
        let range = TimeRange::ending_at(to, Duration::from_secs(4));
        assert_eq!((range.from().as_millis(), range.to(), range.step()), (6_000, to, None));
        assert_eq!(range.with_step(Duration::from_secs(1)).step(), Some(Duration::from_secs(1)));
        assert_eq!(range.with_step(Duration::ZERO).step(), None);
        assert!(TimeRange::ending_at(to, Duration::MAX).from() < to);
    }
}
