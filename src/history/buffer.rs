use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::samples::Samples;
use super::series_id::SeriesId;
use crate::domain::{LabelledNumber, Timestamp};

/// The most numbers that wait to be written, while the store cannot be: some 20 MB, or twenty minutes of a thousand series each
/// second. The missing ones are counted, too, as they take as much memory.
const MAX_VALUES: usize = 1_200_000;

/// The samples of several series, those of one interval together: only they can be one chunk.
pub(super) type SamplesBySeries = HashMap<(SeriesId, Duration), Samples>;

/// The samples that are not yet written.
#[derive(Debug, Default)]
pub(super) struct SampleBuffer {
    waiting: SamplesBySeries,
    /// Those that are being written: they stay here until they are, as whoever writes them may be stopped.
    writing: Arc<SamplesBySeries>,
    /// How many numbers wait.
    values: usize,
}

impl SampleBuffer {
    /// Adds a sample. Of too many, the older half is dropped of each series that has more than its share; returns whether it was.
    pub(super) fn push(&mut self, series: SeriesId, at: Timestamp, interval: Duration, numbers: &[LabelledNumber]) -> bool {
        let new = || Samples { interval, ..Samples::default() };
        let samples = self.waiting.entry((series, interval)).or_insert_with(new);
        let before = samples.value_count();
        samples.push(at, numbers);
        self.values += samples.value_count() - before;
        self.shrink()
    }

    /// The samples that are to be written now, which are all. One of [`Self::written`] and [`Self::put_back`] follows, or another
    /// call, if the writing was stopped.
    pub(super) fn begin_write(&mut self) -> Arc<SamplesBySeries> {
        self.unite();
        self.writing = Arc::new(std::mem::take(&mut self.waiting));
        self.values = 0;
        Arc::clone(&self.writing)
    }

    /// Drops the samples that were written.
    pub(super) fn written(&mut self) {
        self.writing = Arc::default();
    }

    /// Lets samples wait again that could not be written. Returns whether some were too many.
    pub(super) fn put_back(&mut self) -> bool {
        self.unite();
        self.shrink()
    }

    /// The samples of a series.
    pub(super) fn of(&self, series: SeriesId) -> Vec<Samples> {
        let all = self.writing.iter().chain(&self.waiting);
        let mut samples: Vec<Samples> = all.filter(|((of, _), _)| *of == series).map(|(_, samples)| samples.clone()).collect();
        samples.sort_by_key(|samples| samples.times.first().copied());
        samples
    }

    /// Puts what was being written before what came since.
    fn unite(&mut self) {
        for (key, mut samples) in Arc::unwrap_or_clone(std::mem::take(&mut self.writing)) {
            if let Some(newer) = self.waiting.remove(&key) {
                samples.append(newer);
            }
            self.waiting.insert(key, samples);
        }
        self.count();
    }

    /// Drops the older half of the series that have more than their share, where samples are too many; returns whether it did.
    fn shrink(&mut self) -> bool {
        let is_full = self.values > MAX_VALUES;
        if is_full {
            // So that one series with very many numbers costs the others nothing.
            let share = MAX_VALUES / 2 / self.waiting.len().max(1);
            let large = self.waiting.values_mut().filter(|samples| samples.value_count() > share);
            large.for_each(Samples::drop_older_half);
            self.waiting.retain(|_, samples| !samples.times.is_empty());
            self.count();
        }
        is_full
    }

    fn count(&mut self) {
        self.values = self.waiting.values().map(Samples::value_count).sum();
    }
}
