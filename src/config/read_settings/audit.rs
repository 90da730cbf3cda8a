use std::time::Duration;

use super::super::setting::{DeclaredTable, duration, integer, settings};
use super::DAY;

settings! {
    /// How much of the audit is kept, beside the log.
    #[derive(Clone, Debug)]
    pub struct AuditSettings {
        // A year, so that last spring can still be looked up. Less than a day would be gone before anybody asks; ten years
        // are as long as any law we know of wants it.
        /// How long an event is kept.
        pub keep: Duration = duration(365 * DAY, DAY..=3650 * DAY),
        // A year of some hundred people's sign-ins several times over. Fewer than 10,000 would be gone with the next flood of
        // wrong passwords; the most are some tens of gigabytes, and beyond them there is the log.
        /// The largest number of rows; a million take about 400 MB. Refusals of strangers are deleted first, and of those who have
        /// the most rows.
        pub most_rows: u64 = integer(1_000_000, 10_000..=100_000_000),
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self::defaults()
    }
}
