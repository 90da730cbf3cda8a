use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;

use super::store::{Bump, RevokedPeople};
use super::{ProofKind, RevocationEvent};
use crate::domain::{PersonEpoch, PersonId};

/// The bumps that this process knows: all of the store, but for what others have just written. As many as there are people who
/// were ever bumped, and a few hundred bytes each.
pub(super) struct KnownBumps {
    bumps: RwLock<BumpTable>,
    /// The last epoch that is known here: live connections wait for the next.
    changes: watch::Sender<PersonEpoch>,
}

#[derive(Default)]
struct BumpTable {
    of_person: HashMap<PersonId, Vec<Bump>>,
    of_everybody: Vec<Bump>,
    /// The epoch up to which the store was read.
    read_until: PersonEpoch,
}

impl KnownBumps {
    /// The bumps of a store that was read up to `read_until`.
    pub(super) fn new(bumps: Vec<Bump>, read_until: PersonEpoch) -> Self {
        let mut table = BumpTable { read_until, ..BumpTable::default() };
        for bump in bumps {
            table.insert(bump);
        }
        Self { bumps: RwLock::new(table), changes: watch::Sender::new(read_until) }
    }

    /// The epoch up to which the store was read.
    pub(super) fn read_until(&self) -> PersonEpoch {
        self.bumps.read().unwrap_or_else(PoisonError::into_inner).read_until
    }

    /// The epochs that become known.
    pub(super) fn subscribe(&self) -> watch::Receiver<PersonEpoch> {
        self.changes.subscribe()
    }

    /// See [`PersonEpochs::has_ended`](super::PersonEpochs::has_ended).
    pub(super) fn has_ended(&self, person: &PersonId, proof: ProofKind, made_in: PersonEpoch) -> bool {
        let table = self.bumps.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = table.of_person.get(person).into_iter().flatten();
        theirs.chain(&table.of_everybody).any(|bump| bump.epoch > made_in && bump.new.event.ends(proof))
    }

    /// Whether `person` was bumped since `made_in` by an event other than this.
    pub(super) fn has_other(&self, person: &PersonId, made_in: PersonEpoch, event: RevocationEvent) -> bool {
        let table = self.bumps.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = table.of_person.get(person).into_iter().flatten();
        theirs.chain(&table.of_everybody).any(|bump| bump.epoch > made_in && bump.new.event != event)
    }

    /// Makes a bump of this process known, and tells live connections.
    pub(super) fn insert(&self, bump: &Bump) {
        self.bumps.write().unwrap_or_else(PoisonError::into_inner).insert(bump.clone());
        self.changes.send_replace(bump.epoch);
    }

    /// Makes known what was read from the store, and tells live connections. Returns the bumps that are not of this process.
    pub(super) fn insert_read(&self, mut read: Vec<Bump>) -> Vec<Bump> {
        let Some(last) = read.last().map(|bump| bump.epoch) else { return read };
        {
            let mut table = self.bumps.write().unwrap_or_else(PoisonError::into_inner);
            table.read_until = table.read_until.max(last);
            read.retain(|bump| !table.of(&bump.new.people).contains(bump));
            for bump in &read {
                table.insert(bump.clone());
            }
        }
        self.changes.send_replace(last);
        read
    }
}

impl BumpTable {
    /// Inserts a bump in place of the last one of the same people by the same event.
    fn insert(&mut self, bump: Bump) {
        let theirs = match &bump.new.people {
            RevokedPeople::One(person) => self.of_person.entry(person.clone()).or_default(),
            RevokedPeople::Everybody => &mut self.of_everybody,
        };
        match theirs.iter_mut().find(|known| known.new.event == bump.new.event) {
            Some(known) if known.epoch >= bump.epoch => (),
            Some(known) => *known = bump,
            None => theirs.push(bump),
        }
    }

    fn of(&self, people: &RevokedPeople) -> &[Bump] {
        match people {
            RevokedPeople::One(person) => self.of_person.get(person).map_or(&[], Vec::as_slice),
            RevokedPeople::Everybody => &self.of_everybody,
        }
    }
}
