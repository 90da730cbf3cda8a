use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::settings::PushSettings;
use super::store::PushedDocument;
use super::turns::{PushTurn, PushTurns};
use crate::domain::{Access, AccessDecision, PersonId, SourceName, Timestamp, Visitor};

/// The endpoints of all push sources, by their sources' names.
pub type PushEndpoints = HashMap<SourceName, Arc<PushEndpoint>>;

/// The receiving end of a push source: who may push, how much and how often, and what was pushed last.
pub struct PushEndpoint {
    access: Access,
    max_bytes: usize,
    turns: PushTurns,
    latest: watch::Sender<Option<PushedDocument>>,
}

impl PushEndpoint {
    pub(super) fn new(settings: &PushSettings) -> Self {
        let PushSettings { access, max_bytes, rate, .. } = settings;
        Self { access: access.clone(), max_bytes: *max_bytes, turns: PushTurns::new(*rate), latest: watch::Sender::new(None) }
    }

    /// Whether `visitor` may push, if their credential's scope has it.
    pub fn admits(&self, visitor: &Visitor) -> bool {
        self.access.evaluate(visitor) == AccessDecision::Allowed
    }

    /// The largest body.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Takes a push of a person, of which this node takes so many a second and at a time.
    ///
    /// # Errors
    /// How long until the next may be taken.
    pub fn take_turn(&self, person: &PersonId, now: Timestamp) -> Result<PushTurn, Duration> {
        self.turns.take(person, now)
    }

    /// What was pushed last, as it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<PushedDocument>> {
        self.latest.subscribe()
    }

    /// The version of what was pushed last, as far as it is known.
    pub(super) fn version(&self) -> Option<i64> {
        self.latest.borrow().as_ref().map(|latest| latest.version)
    }

    /// Makes a document known that was pushed here or on another node, and that the store has. `seen` is the version that was known
    /// before the store was asked, and `None` where it was asked for a later one alone.
    ///
    /// An older one than that which has become known meanwhile changes nothing: news of two pushes may come in any order. Otherwise
    /// the store knows better: after a failover that lost pushes it begins again at a lower version.
    pub(super) fn publish(&self, pushed: PushedDocument, seen: Option<i64>, now: Timestamp) {
        self.latest.send_if_modified(|latest| {
            let known = latest.as_ref();
            let version = known.map(|known| known.version);
            let is_later = version < Some(pushed.version);
            let is_this = |known: &PushedDocument| known.at >= pushed.at && known.document == pushed.document;
            let is_known = version == Some(pushed.version) && known.is_some_and(is_this);
            if !is_later && (version != seen || is_known) {
                return false;
            }
            // Nodes' clocks differ, and a later document is not older.
            let known_at = known.filter(|_| is_later).map_or(pushed.at, |known| known.at);
            let at = pushed.at.max(known_at).min(now);
            *latest = Some(PushedDocument { at, ..pushed });
            true
        });
    }
}
