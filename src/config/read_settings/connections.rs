use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::ConnectionSettings;

/// The most connections, of some 20 kB: 200 MB when strangers take them all. A company of thousands needs no more.
const DEFAULT_MOST: i64 = 10_000;

/// The connections of an address: an office with a wall display or two a desk. A browser takes six, and one a board.
const DEFAULT_PER_ADDRESS: i64 = 512;

/// The greatest limit of connections: beyond it memory is the limit.
const MAX_CONNECTIONS: i64 = 1_000_000;

/// The least limit for an address: fewer would not let one browser load one page.
const MIN_PER_ADDRESS: i64 = 8;

/// The time for the handshake and the head of a request, a few packets: on a bad mobile network some seconds.
const DEFAULT_HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for an idle connection: longer than proxies keep one (a minute, usually), so that they end it and not we, in
/// whose last moment a request could be lost.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// The time for a request's body: the largest form is some kilobytes.
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Reads `[connections]`.
pub(super) fn read_connections(mut fields: Fields<'_>) -> Option<ConnectionSettings> {
    let most = fields.optional("most", DEFAULT_MOST, |fields, key| fields.integer(key, MIN_PER_ADDRESS..=MAX_CONNECTIONS));
    let per_address = fields
        .optional("per_address", DEFAULT_PER_ADDRESS, |fields, key| fields.integer(key, MIN_PER_ADDRESS..=MAX_CONNECTIONS));
    let mut wait = |key, default| {
        fields.optional(key, default, |fields, key| {
            fields.duration(key, Duration::from_secs(1)..=Duration::from_hours(1)).map(|found| found.value)
        })
    };
    let head_timeout = wait("head_timeout", DEFAULT_HEAD_TIMEOUT);
    let idle_timeout = wait("idle_timeout", DEFAULT_IDLE_TIMEOUT);
    let body_timeout = wait("body_timeout", DEFAULT_BODY_TIMEOUT);
    fields.finish();
    Some(ConnectionSettings {
        most: usize::try_from(most?).ok()?,
        per_address: usize::try_from(per_address?).ok()?,
        head_timeout: head_timeout?,
        idle_timeout: idle_timeout?,
        body_timeout: body_timeout?,
    })
}
