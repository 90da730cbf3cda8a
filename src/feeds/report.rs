use std::time::Duration;

use crate::bus::Role;
use crate::domain::Timestamp;

/// A feed, as the admin page shows it.
#[derive(Clone, Debug)]
pub struct FeedReport {
    /// The source's name.
    pub source: String,
    /// The query as its author wrote it.
    pub query: String,
    /// How often it is executed.
    pub every: Duration,
    /// How many panels use it, over all channels.
    pub watchers: usize,
    /// The part of this node in it, where several share it.
    pub role: Option<Role>,
    /// When it had its last reading.
    pub last_ok: Option<Timestamp>,
    /// Why it has no newer reading: the cause, for administrators alone.
    pub trouble: Option<String>,
}
