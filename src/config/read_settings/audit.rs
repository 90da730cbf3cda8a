use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::AuditSettings;

/// The default of `keep`: a year, so that last spring can still be looked up.
const DEFAULT_KEEP: Duration = Duration::from_hours(24 * 365);

/// The shortest time to keep events: less than a day would be gone before anybody asks.
const MIN_KEEP: Duration = Duration::from_hours(24);

/// The longest time to keep events: ten years are as long as any law we know of wants it.
const MAX_KEEP: Duration = Duration::from_hours(24 * 365 * 10);

/// The most events kept: a year of some hundred people's sign-ins several times over; about 400 MB.
const DEFAULT_MOST_ROWS: i64 = 1_000_000;

/// The least number of events to keep: fewer would be gone with the next flood of wrong passwords.
const MIN_ROWS: i64 = 10_000;

/// The greatest number of events to keep, some tens of gigabytes; beyond it there is the log.
const MAX_ROWS: i64 = 100_000_000;

impl Default for AuditSettings {
    fn default() -> Self {
        Self { keep: DEFAULT_KEEP, most_rows: DEFAULT_MOST_ROWS.unsigned_abs() }
    }
}

/// Reads `[audit]`.
pub(super) fn read_audit(mut fields: Fields<'_>) -> Option<AuditSettings> {
    let keep =
        fields.optional("keep", DEFAULT_KEEP, |fields, key| fields.duration(key, MIN_KEEP..=MAX_KEEP).map(|keep| keep.value));
    let most_rows = fields.optional("most_rows", DEFAULT_MOST_ROWS, |fields, key| fields.integer(key, MIN_ROWS..=MAX_ROWS));
    fields.finish();
    Some(AuditSettings { keep: keep?, most_rows: most_rows?.unsigned_abs() })
}
