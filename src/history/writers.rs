use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::series_id::SeriesId;
use super::store::SeriesRow;
use crate::domain::{BoundQuery, Timestamp, millis_of};

/// How often a series is noted as one that is wanted kept.
const NOTED_EVERY: Duration = Duration::from_hours(1);

/// A series that is kept for as long as this lives, and for as long as it says. Of several for one series, the samples of the one
/// with the shortest interval are kept, as long as any of them says.
pub struct SeriesWriter {
    series: SeriesId,
    number: u64,
    writers: Arc<Writers>,
}

/// The series that are wanted kept.
#[derive(Default)]
pub(super) struct Writers(Mutex<WritersState>);

#[derive(Default)]
struct WritersState {
    by_series: HashMap<SeriesId, WrittenSeries>,
    last_number: u64,
}

struct WrittenSeries {
    query: BoundQuery,
    /// The interval and the time to keep of each writer, by its number.
    writers: BTreeMap<u64, (Duration, Duration)>,
    /// For how long it is kept, in milliseconds: as the longest of them says, or the last one did.
    keep: i64,
    /// The time to keep that the store knows, and since when.
    noted: Option<(i64, Timestamp)>,
}

impl WrittenSeries {
    fn update_keep(&mut self) {
        let longest = self.writers.values().map(|(_, keep)| millis_of(*keep)).max();
        self.keep = longest.unwrap_or(self.keep);
    }
}

impl Writers {
    /// Has what `query` is answered `every` so often kept for as long.
    pub(super) fn register(self: &Arc<Self>, query: &BoundQuery, every: Duration, keep: Duration) -> SeriesWriter {
        let mut state = self.state();
        state.last_number += 1;
        let (series, number) = (SeriesId::of(query), state.last_number);
        let new = || WrittenSeries { query: query.clone(), writers: BTreeMap::new(), keep: 0, noted: None };
        let written = state.by_series.entry(series).or_insert_with(new);
        written.writers.insert(number, (every, keep));
        written.update_keep();
        SeriesWriter { series, number, writers: Arc::clone(self) }
    }

    /// Whether the samples of a feed with that interval are the ones that are kept.
    pub(super) fn takes(&self, series: SeriesId, every: Duration) -> bool {
        let state = self.state();
        let shortest = state.by_series.get(&series).and_then(|series| series.writers.values().map(|(every, _)| *every).min());
        shortest == Some(every)
    }

    /// Of these series, those that the store does not know as they are wanted now.
    pub(super) fn to_note(&self, series: impl Iterator<Item = SeriesId>, now: Timestamp) -> Vec<SeriesRow> {
        let state = self.state();
        let rows = series.filter_map(|id| {
            let series = state.by_series.get(&id)?;
            let keep = series.keep;
            if series.noted.is_some_and(|(noted, at)| noted == keep && now.since(at) < NOTED_EVERY) {
                return None;
            }
            let BoundQuery { source, text, bindings } = &series.query;
            let bindings = serde_json::to_string(bindings).unwrap_or_default();
            Some(SeriesRow { id, source: source.to_string(), query: text.clone(), bindings, keep })
        });
        rows.collect()
    }

    /// The store knows these as of `now`.
    pub(super) fn noted(&self, rows: &[SeriesRow], now: Timestamp) {
        let mut state = self.state();
        for row in rows {
            if let Some(series) = state.by_series.get_mut(&row.id) {
                series.noted = Some((row.keep, now));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, WritersState> {
        // Whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SeriesWriter {
    fn drop(&mut self) {
        let mut state = self.writers.state();
        if let Some(series) = state.by_series.get_mut(&self.series) {
            series.writers.remove(&self.number);
            series.update_keep();
            // One that the store does not know yet has samples that are not written.
            if series.writers.is_empty() && series.noted.is_some() {
                state.by_series.remove(&self.series);
            }
        }
    }
}
