//! The counts and latencies of the messages that the viewers of a process received.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The width of a bucket of latencies.
const STEP: Duration = Duration::from_micros(250);

/// The number of buckets; a longer latency counts as the longest.
const MAX_STEPS: usize = 120_000;

/// The messages received: how many, and how late.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The number of batches.
    pub(crate) frames: usize,
    /// Bytes of batches as they came over the wire, frame heads included.
    pub(crate) bytes: u64,
    pub(crate) snapshots: usize,
    /// Batches that did not follow on what was there.
    pub(crate) gaps: usize,
    /// Connections that ended without a `bye`, and those that were refused.
    pub(crate) lost: usize,
    /// The time since the batch's first reading.
    pub(crate) late: LatencyHistogram,
    /// The time since the batch was made.
    pub(crate) under_way: LatencyHistogram,
}

/// A histogram of latencies, in buckets of [`STEP`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LatencyHistogram(Vec<u32>);

impl Tally {
    /// Counts a batch of that many bytes, whose reading is of the moment `at`, and which was made when it says `sent`: in
    /// milliseconds since the Unix epoch.
    pub(crate) fn batch(&mut self, length: usize, at: u64, sent: u64, now: Duration) {
        self.frames += 1;
        self.bytes += u64::try_from(length).unwrap_or(0);
        self.late.record(at, now);
        self.under_way.record(sent, now);
    }

    /// The sum of this tally and another.
    pub(crate) fn merge(mut self, other: &Self) -> Self {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.snapshots += other.snapshots;
        self.gaps += other.gaps;
        self.lost += other.lost;
        self.late.add(&other.late);
        self.under_way.add(&other.under_way);
        self
    }

    /// The mean length of a batch on the wire, in bytes.
    pub(crate) fn bytes_each(&self) -> u64 {
        self.bytes / u64::try_from(self.frames.max(1)).unwrap_or(1)
    }
}

impl LatencyHistogram {
    fn record(&mut self, from: u64, now: Duration) {
        let late = now.saturating_sub(Duration::from_millis(from)).div_duration_f64(STEP);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded, and not negative")]
        let step = (late as usize).min(MAX_STEPS);
        if self.0.len() <= step {
            self.0.resize(step + 1, 0);
        }
        self.0[step] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (here, there) in self.0.iter_mut().zip(&other.0) {
            *here += there;
        }
    }

    /// The latency that all but one in `many` stay within: 2 gives the median, 100 the 99th percentile.
    pub(crate) fn all_but_one_in(&self, many: u64) -> Duration {
        let count: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let wanted = count - count / many;
        let mut seen = 0;
        let step = self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        STEP * u32::try_from(step.map_or(0, |step| step + 1)).unwrap_or(u32::MAX)
    }
}

/// The time since the Unix epoch, as in the server's frames.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
