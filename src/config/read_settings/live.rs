use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::LiveSettings;

/// The interval of heartbeats: proxies cut what is silent for 30 to 60 seconds.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(25);

/// The interval of batches: ten a second look continuous; more would only cost.
const DEFAULT_BATCH_INTERVAL: Duration = Duration::from_millis(100);

/// The batches kept, 25 seconds of them at ten a second: a lift, a tunnel, a lid closed for a moment.
const DEFAULT_RING: i64 = 256;

/// The most batches kept: beyond this a snapshot is always the shorter way back.
const MAX_RING: i64 = 65_536;

/// The time that a channel runs on without viewers: a reload, or a walk from page to page, finds its history there.
const DEFAULT_GRACE: Duration = Duration::from_mins(1);

/// The default of `connections.most`, less what pages, sign-ins and scripts need beside the boards.
const DEFAULT_MOST: i64 = 9_000;

/// The default of `connections.per_address`, less the browsers' other connections.
const DEFAULT_PER_ADDRESS: i64 = 400;

/// The viewers of one session: every page of a site in a tab of its own, and more. It stops a script in a loop.
const DEFAULT_PER_SESSION: i64 = 50;

/// The greatest limit of viewers: beyond it memory is the limit.
const MAX_VIEWERS: i64 = 1_000_000;

/// Reads `[live]`.
pub(super) fn read_live(mut fields: Fields<'_>) -> Option<LiveSettings> {
    let second = Duration::from_secs(1);
    let heartbeat = fields.optional("heartbeat", DEFAULT_HEARTBEAT, |fields, key| {
        fields.duration(key, second..=Duration::from_mins(5)).map(|found| found.value)
    });
    let batch_interval = fields.optional("batch_interval", DEFAULT_BATCH_INTERVAL, |fields, key| {
        fields.duration(key, Duration::from_millis(10)..=Duration::from_secs(10)).map(|found| found.value)
    });
    let ring = fields.optional("ring", DEFAULT_RING, |fields, key| fields.integer(key, 2..=MAX_RING));
    let grace = fields.optional("grace", DEFAULT_GRACE, |fields, key| {
        fields.duration(key, Duration::ZERO..=Duration::from_hours(1)).map(|found| found.value)
    });
    let mut viewers = |key, default| fields.optional(key, default, |fields, key| fields.integer(key, 1..=MAX_VIEWERS));
    let most = viewers("most", DEFAULT_MOST);
    let per_address = viewers("per_address", DEFAULT_PER_ADDRESS);
    let per_session = viewers("per_session", DEFAULT_PER_SESSION);
    fields.finish();
    Some(LiveSettings {
        heartbeat: heartbeat?,
        batch_interval: batch_interval?,
        ring: usize::try_from(ring?).ok()?,
        grace: grace?,
        most: usize::try_from(most?).ok()?,
        per_address: usize::try_from(per_address?).ok()?,
        per_session: usize::try_from(per_session?).ok()?,
    })
}
