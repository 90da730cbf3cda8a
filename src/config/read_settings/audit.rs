use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::AuditSettings;

/// Whoever asks what happened last spring finds it.
const DEFAULT_KEEP: Duration = Duration::from_hours(24 * 365);

/// Less than a day would be gone before anybody asks.
const SHORTEST_KEEP: Duration = Duration::from_hours(24);

/// Ten years are as long as any law we know of wants it.
const LONGEST_KEEP: Duration = Duration::from_hours(24 * 365 * 10);

/// A year of some hundred people's sign-ins several times over; about 400 MB.
const DEFAULT_MOST_ROWS: i64 = 1_000_000;

/// Fewer would be gone with the next flood of wrong passwords.
const FEWEST_ROWS: i64 = 10_000;

/// Some tens of gigabytes. Whoever has more to keep keeps the log.
const MOST_ROWS: i64 = 100_000_000;

impl Default for AuditSettings {
    fn default() -> Self {
        Self { keep: DEFAULT_KEEP, most_rows: DEFAULT_MOST_ROWS.unsigned_abs() }
    }
}

/// `[audit]`.
pub(super) fn read_audit(mut fields: Fields<'_>) -> Option<AuditSettings> {
    let keep = fields.or("keep", DEFAULT_KEEP, |fields, key| {
        fields.duration(key, SHORTEST_KEEP..=LONGEST_KEEP).map(|keep| keep.value)
    });
    let most_rows = fields.or("most_rows", DEFAULT_MOST_ROWS, |fields, key| fields.whole(key, FEWEST_ROWS..=MOST_ROWS));
    fields.finish();
    Some(AuditSettings { keep: keep?, most_rows: most_rows?.unsigned_abs() })
}
