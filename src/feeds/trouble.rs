use crate::domain::{Fingerprint, Timestamp};
use crate::panels::PanelTrouble;
use crate::sources::SourceError;

use super::key::FeedKey;

/// How much of a digest is a reference: enough to find one line in a log.
const REFERENCE_CHARS: usize = 8;

/// Why a feed has no newer reading, in two texts that cannot be taken for each other: words for whoever looks at a panel, and the
/// cause for administrators and the log. Both have the reference under which the other is found.
#[derive(Clone, Debug)]
pub struct FeedTrouble {
    source: String,
    cause: SourceError,
    reference: String,
    /// When it began.
    pub since: Timestamp,
    /// When the source is asked again.
    pub retry_at: Timestamp,
}

impl FeedTrouble {
    /// The trouble of a feed that gave no reading for `cause`.
    pub(super) fn new(key: &FeedKey, cause: SourceError, since: Timestamp, retry_at: Timestamp) -> Self {
        let source = key.query.source.to_string();
        let mut reference = Fingerprint::of(&(&source, &key.query.text, since)).to_hex();
        reference.truncate(REFERENCE_CHARS);
        Self { source, cause, reference, since, retry_at }
    }

    /// The words for everybody who sees the panel, strangers too: the source's name and what kind of failure it is, never a host,
    /// a port or what the source said.
    pub fn for_visitors(&self) -> PanelTrouble {
        let reason = format!("{} (reference {})", self.cause.for_visitors(&self.source), self.reference);
        PanelTrouble { reason, since: self.since, retry_at: self.retry_at }
    }

    /// The cause, for administrators.
    pub fn for_admins(&self) -> String {
        format!("{} (reference {})", self.cause, self.reference)
    }

    /// Whether it has the same cause as one before it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.cause == other.cause
    }

    /// Logs the cause under the reference.
    pub(super) fn log(&self, key: &FeedKey) {
        let Self { source, cause, reference, .. } = self;
        tracing::warn!(source, query = key.query.text, reference, error = %cause, "the source gave no reading");
    }
}
