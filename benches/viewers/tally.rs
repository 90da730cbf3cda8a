//! What the viewers of a process were told, counted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How fine latencies are told apart.
const STEP: Duration = Duration::from_micros(250);

/// What took longer is counted as this long.
const LONGEST: usize = 120_000;

/// How many, and how late.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Batches.
    pub(crate) frames: usize,
    /// Bytes of batches as they came over the wire, frame heads included.
    pub(crate) bytes: u64,
    pub(crate) snapshots: usize,
    /// Batches that did not follow on what was there.
    pub(crate) gaps: usize,
    /// Connections that ended without a goodbye, and those that were not let in.
    pub(crate) lost: usize,
    /// After the reading that they tell of first.
    pub(crate) late: Late,
    /// After they were made.
    pub(crate) under_way: Late,
}

/// How many batches came how many [`STEP`]s late.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Late(Vec<u32>);

impl Tally {
    /// Counts a batch of that many bytes, whose reading is of the moment `at`, and which was made when it says `sent`: in
    /// milliseconds since the Unix epoch.
    pub(crate) fn batch(&mut self, length: usize, at: u64, sent: u64, now: Duration) {
        self.frames += 1;
        self.bytes += u64::try_from(length).unwrap_or(0);
        self.late.count(at, now);
        self.under_way.count(sent, now);
    }

    /// This and what was counted elsewhere.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.snapshots += other.snapshots;
        self.gaps += other.gaps;
        self.lost += other.lost;
        self.late.add(&other.late);
        self.under_way.add(&other.under_way);
        self
    }

    /// Bytes of a batch on the wire, on average.
    pub(crate) fn bytes_each(&self) -> u64 {
        self.bytes / u64::try_from(self.frames.max(1)).unwrap_or(1)
    }
}

impl Late {
    fn count(&mut self, from: u64, now: Duration) {
        let late = now.saturating_sub(Duration::from_millis(from)).div_duration_f64(STEP);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded, and not negative")]
        let step = (late as usize).min(LONGEST);
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

    /// How late all but one in so many were, at most: 2 gives the median, 100 what is called p99.
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

/// The time since the Unix epoch, as the server's frames have it.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
