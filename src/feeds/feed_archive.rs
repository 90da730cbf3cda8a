use std::time::Duration;

use super::key::FeedKey;
use crate::bus::Role;
use crate::domain::{History, Reading, Series, TimeRange, Timestamp};
use crate::history::{HistoryArchive, SeriesId};
use crate::nodes::Lease;
use crate::sources::SourceError;

/// The archive of what feeds are answered. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct FeedsArchive {
    /// The archive.
    pub archive: HistoryArchive,
    /// Held by the one node that records what no node leads.
    pub lease: Lease,
}

/// A feed's part in the archive: it records what its own query is answered, and reads what was kept of it.
pub(super) struct FeedArchive {
    of_feeds: FeedsArchive,
    series: SeriesId,
    every: Duration,
    /// Whether its source tells the past itself, once that is known: it is not kept twice.
    tells_past: Option<bool>,
    /// Whether the last that was recorded is a gap.
    has_gap: bool,
}

impl FeedArchive {
    pub(super) fn new(of_feeds: FeedsArchive, key: &FeedKey) -> Self {
        Self { of_feeds, series: SeriesId::of(&key.query), every: key.every, tells_past: None, has_gap: false }
    }

    /// The points of the last `window` that were kept.
    pub(super) fn read(&self, now: Timestamp, window: Duration) -> impl Future<Output = Option<Series>> + Send + use<> {
        let (archive, series) = (self.of_feeds.archive.clone(), self.series);
        let range = TimeRange::ending_at(now, window).with_step(self.every);
        async move { archive.read(series, range).await }
    }

    /// Notes whether the source tells its past itself.
    pub(super) fn set_tells_past(&mut self, tells_past: bool) {
        self.tells_past = Some(tells_past);
    }

    /// Whether it is to be found out if the source tells its past.
    pub(super) fn needs_to_know(&self) -> bool {
        self.tells_past.is_none() && self.is_wanted()
    }

    /// Records an answer, if this node is the one that does. `is_pushed` is whether the source chooses the times.
    pub(super) fn record(
        &mut self,
        at: Timestamp,
        answer: Result<&Reading, &SourceError>,
        role: Option<Role>,
        is_pushed: bool,
    ) {
        if !self.is_wanted() || self.tells_past == Some(true) || !self.is_recorded_here(role) {
            return;
        }
        let interval = if is_pushed { Duration::ZERO } else { self.every };
        let numbers = match answer {
            Ok(reading) => History::numbers_of(reading),
            // Of a failure that lasts, the beginning is the gap.
            Err(_) if self.has_gap => None,
            Err(_) => Some(Vec::new()),
        };
        if let Some(numbers) = numbers {
            self.has_gap = answer.is_err();
            self.of_feeds.archive.record(self.series, at, interval, &numbers);
        }
    }

    fn is_wanted(&self) -> bool {
        self.of_feeds.archive.takes(self.series, self.every)
    }

    /// Whether this node records: it leads, or none does and it holds the lease. Where it could not renew that, it goes on until it
    /// learns that another holds it: what two record of one moment is one point, and what none records is lost.
    fn is_recorded_here(&self, role: Option<Role>) -> bool {
        match role {
            Some(Role::Leading(_)) => true,
            Some(Role::Following) => false,
            Some(Role::Alone | Role::Undecided) | None => self.of_feeds.lease.is_held_or_lapsed(),
        }
    }
}
