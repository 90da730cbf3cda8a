use std::sync::Arc;

use tokio::sync::watch;

use super::ProofKind;
use super::known_bumps::KnownBumps;
use crate::domain::{PersonEpoch, PersonId};

/// A live connection's subscription to the proof that it rests on, where that has no row of its own.
pub struct EpochWatch {
    known: Arc<KnownBumps>,
    changes: watch::Receiver<PersonEpoch>,
    person: PersonId,
    proof: ProofKind,
    made_in: PersonEpoch,
}

impl EpochWatch {
    pub(super) fn new(known: Arc<KnownBumps>, person: PersonId, proof: ProofKind, made_in: PersonEpoch) -> Self {
        Self { changes: known.subscribe(), known, person, proof, made_in }
    }

    /// Resolves when the proof has ended, at once if it has. May be cancelled and called again.
    pub async fn ended(&mut self) {
        loop {
            // Marked as seen before it is looked at, so that no bump falls in between.
            self.changes.mark_unchanged();
            if self.known.has_ended(&self.person, self.proof, self.made_in) {
                return;
            }
            // The sender lives in the known bumps, which this holds.
            let _ = self.changes.changed().await;
        }
    }
}
