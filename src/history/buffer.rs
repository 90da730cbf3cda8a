use std::collections::HashMap;
use std::time::Duration;

use super::samples::Samples;
use super::series_id::SeriesId;
use crate::domain::{LabelledNumber, Timestamp};

/// The most numbers that wait to be written, while the store cannot be: some 20 MB, or twenty minutes of a thousand series each
/// second.
const MAX_VALUES: usize = 1_200_000;

/// The samples that are not yet written.
#[derive(Debug, Default)]
pub(super) struct SampleBuffer {
    by_series: HashMap<SeriesId, Samples>,
    values: usize,
}

impl SampleBuffer {
    /// Adds a sample. Of too many, the older half of each series is dropped; returns whether it was.
    pub(super) fn push(&mut self, series: SeriesId, at: Timestamp, interval: Duration, numbers: &[LabelledNumber]) -> bool {
        let samples = self.by_series.entry(series).or_default();
        samples.interval = interval;
        samples.push(at, numbers);
        self.values += numbers.len().max(1);
        self.shrink()
    }

    /// Takes all samples.
    pub(super) fn take(&mut self) -> HashMap<SeriesId, Samples> {
        self.values = 0;
        std::mem::take(&mut self.by_series)
    }

    /// Puts samples back that could not be written, before those that came since. Returns whether some were too many.
    pub(super) fn put_back(&mut self, taken: HashMap<SeriesId, Samples>) -> bool {
        for (series, mut samples) in taken {
            if let Some(newer) = self.by_series.remove(&series) {
                samples.append(newer);
            }
            self.by_series.insert(series, samples);
        }
        self.count();
        self.shrink()
    }

    /// The samples of a series.
    pub(super) fn of(&self, series: SeriesId) -> Option<&Samples> {
        self.by_series.get(&series)
    }

    /// Drops the older half of each series, where they are too many; returns whether it did.
    fn shrink(&mut self) -> bool {
        let is_full = self.values > MAX_VALUES;
        if is_full {
            self.by_series.values_mut().for_each(Samples::drop_older_half);
            self.by_series.retain(|_, samples| !samples.times.is_empty());
            self.count();
        }
        is_full
    }

    fn count(&mut self) {
        self.values = self.by_series.values().map(Samples::value_count).sum();
    }
}
