use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fields::AuditFields;
use super::holder::EventHolder;
use super::retention::RetentionClass;
use super::store::{AuditEntry, Repeats};
use crate::domain::{Network, NetworkCounts, Timestamp};

/// How long repeats of an event are added to its row: short enough for a table of what happened when, and 288 rows a day for
/// a script that does one thing without end.
pub(super) const FOLD_WINDOW: Duration = Duration::from_mins(5);

/// The most rows of one kind of event that one person causes in a window, and each network of strangers in steps. Nobody does
/// so much by hand; what goes beyond it is counted in one row more.
pub(super) const MAX_ROWS_PER_HOLDER: usize = 100;

/// The most rows of one kind that strangers cause together in a window, from however many networks: of all kinds together less
/// than the writer's queue holds.
pub(super) const MAX_STRANGER_ROWS: usize = 1_000;

/// The most rows of one kind that stand for others beyond that, each for one network; one more stands for what is left.
pub(super) const MAX_NETWORK_ROWS: usize = 100;

/// The most events whose repeats are waited for, of less than a kilobyte each. Beyond it, as when tens of thousands sign in at
/// once, every event of a person is a row.
const MAX_FOLDS: usize = 16_384;

/// Folds repeats of an event into one row with a count: those of the same kind, actor, outcome, origin and details within a
/// window. The origin of what a person did is an address and a browser, so that a thief's act is no repeat of the owner's; that
/// of strangers is a network. Nobody writes the audit full with one thing, done again and again.
pub(super) struct RepeatFolder {
    /// Events are compared by a hash with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    state: Mutex<FolderState>,
}

#[derive(Default)]
struct FolderState {
    folds: HashMap<u64, Fold>,
    /// Folds whose time was over when their event came once more.
    replaced: Vec<Fold>,
    /// The rows of each kind and person in their windows.
    of_people: HashMap<(EventKind, String), usize>,
    /// The rows of each kind that strangers caused.
    of_strangers: HashMap<EventKind, StrangerRows>,
    last_sequence: u64,
    is_closed: bool,
}

/// The kind whose rows are counted together: the event's word, and whether a verifier was asked. What costs nothing, as an empty
/// password, takes no rows from what could have been a guess.
type EventKind = (&'static str, bool);

/// The rows of one kind that strangers caused.
#[derive(Default)]
struct StrangerRows {
    networks: NetworkCounts,
    len: usize,
}

/// An event whose repeats are added to its row.
#[derive(Debug)]
pub(super) struct Fold {
    /// The first of them.
    pub(super) first: AuditEntry,
    kind: EventKind,
    network: Network,
    /// How many there were, the first among them.
    pub(super) count: u64,
    pub(super) last_at: Timestamp,
    /// How many are not in the store yet.
    unwritten: u64,
}

/// The folds of which the store or the log is to be told.
#[derive(Debug, Default)]
pub(super) struct FoldChanges {
    /// Repeats for the store.
    pub(super) repeats: Vec<Repeats>,
    /// Folds whose window is over, with repeats.
    pub(super) closed: Vec<Fold>,
}

impl RepeatFolder {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Adds an event to the row that it repeats, or hands it to `enqueue` as a row of its own, and returns that row. Rows are
    /// handed over in the order of their sequence.
    pub(super) fn fold(&self, entry: AuditEntry, network: Network, enqueue: impl FnOnce(AuditEntry)) -> Option<AuditEntry> {
        let mut state = self.lock();
        let row = if state.is_closed { entry } else { state.fold(&self.hasher, entry, network)? };
        enqueue(row.clone());
        Some(row)
    }

    /// The changes of the rows up to the sequence `written`, and the folds whose window is over at `now`.
    pub(super) fn take_changes(&self, written: u64, now: Timestamp) -> FoldChanges {
        self.lock().take_changes(written, |fold| now.since(fold.first.at) >= FOLD_WINDOW || now < fold.first.at)
    }

    /// The last changes. From now on every event is a row, as nobody asks for changes any more.
    pub(super) fn close(&self) -> FoldChanges {
        let mut state = self.lock();
        state.is_closed = true;
        state.take_changes(u64::MAX, |_| true)
    }

    /// Locks the state; a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, FolderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FolderState {
    /// The event as a row of its own; `None` when it was added to another.
    fn fold(&mut self, hasher: &RandomState, mut entry: AuditEntry, network: Network) -> Option<AuditEntry> {
        let exact = hasher.hash_one(same(&entry, network));
        if self.repeats(exact, entry.at) {
            return None;
        }
        let kind = (entry.fields.event, entry.fields.was_verified());
        let room = self.room_for(kind, &entry.holder, network);
        let mut key = exact;
        if room != RowRoom::Own {
            let person = entry.fields.person.as_deref();
            key = hasher.hash_one(("network", kind, person, network.widest()));
            if self.repeats(key, entry.at) {
                return None;
            }
            if room == RowRoom::None {
                key = hasher.hash_one(("all", kind, person));
                if self.repeats(key, entry.at) {
                    return None;
                }
            }
            entry = entry.standing_for_others();
        }
        self.last_sequence += 1;
        entry.sequence = self.last_sequence;
        self.open(key, kind, &entry, network);
        Some(entry)
    }

    /// Counts a repeat of the event with this key, if there is one in its window.
    fn repeats(&mut self, key: u64, at: Timestamp) -> bool {
        let Some(fold) = self.folds.get_mut(&key) else { return false };
        if at.since(fold.first.at) < FOLD_WINDOW && at >= fold.first.at {
            fold.count += 1;
            fold.unwritten += 1;
            fold.last_at = at;
            return true;
        }
        if let Some(fold) = self.folds.remove(&key) {
            self.uncount(&fold);
            self.replaced.push(fold);
        }
        false
    }

    /// The row that there is room for.
    fn room_for(&self, kind: EventKind, holder: &EventHolder, network: Network) -> RowRoom {
        let (has_room, rows, most) = match holder.class {
            RetentionClass::Administration => return RowRoom::Own,
            RetentionClass::Person => {
                let rows = self.of_people.get(&(kind, holder.name.clone())).copied().unwrap_or_default();
                (true, rows, MAX_ROWS_PER_HOLDER)
            }
            RetentionClass::Stranger => {
                let Some(rows) = self.of_strangers.get(&kind) else { return RowRoom::Own };
                (rows.networks.has_room(network, MAX_ROWS_PER_HOLDER), rows.len, MAX_STRANGER_ROWS)
            }
        };
        match rows {
            rows if has_room && rows < most => RowRoom::Own,
            rows if rows < most + MAX_NETWORK_ROWS => RowRoom::OfNetwork,
            _ => RowRoom::None,
        }
    }

    fn open(&mut self, key: u64, kind: EventKind, entry: &AuditEntry, network: Network) {
        // Strangers' have a bound of their own.
        if self.folds.len() >= MAX_FOLDS && entry.holder.class != RetentionClass::Stranger {
            return;
        }
        match entry.holder.class {
            RetentionClass::Administration => {}
            RetentionClass::Person => *self.of_people.entry((kind, entry.holder.name.clone())).or_default() += 1,
            RetentionClass::Stranger => {
                let rows = self.of_strangers.entry(kind).or_default();
                rows.networks.add(network, 1);
                rows.len += 1;
            }
        }
        let fold = Fold { first: entry.clone(), kind, network, count: 1, last_at: entry.at, unwritten: 0 };
        self.folds.insert(key, fold);
    }

    /// Takes a fold's row out of the counts.
    fn uncount(&mut self, fold: &Fold) {
        match fold.first.holder.class {
            RetentionClass::Administration => {}
            RetentionClass::Person => {
                let key = (fold.kind, fold.first.holder.name.clone());
                if let Some(rows) = self.of_people.get_mut(&key) {
                    *rows -= 1;
                    if *rows == 0 {
                        self.of_people.remove(&key);
                    }
                }
            }
            RetentionClass::Stranger => {
                if let Some(rows) = self.of_strangers.get_mut(&fold.kind) {
                    rows.networks.remove(fold.network, 1);
                    rows.len -= 1;
                }
            }
        }
    }

    fn take_changes(&mut self, written: u64, is_over: impl Fn(&Fold) -> bool) -> FoldChanges {
        let is_ready = |fold: &Fold| fold.first.sequence <= written;
        let mut changes = FoldChanges::default();
        for fold in self.folds.values_mut().chain(&mut self.replaced).filter(|fold| is_ready(fold) && fold.unwritten > 0) {
            changes.repeats.push(fold.take_repeats());
        }
        let over: Vec<u64> =
            self.folds.iter().filter(|(_, fold)| is_ready(fold) && is_over(fold)).map(|(key, _)| *key).collect();
        for fold in over.iter().filter_map(|key| self.folds.remove(key)).collect::<Vec<_>>() {
            self.uncount(&fold);
            changes.closed.push(fold);
        }
        changes.closed.extend(self.replaced.extract_if(.., |fold| is_ready(fold)));
        changes.closed.retain(|fold| fold.count > 1);
        changes
    }
}

/// The row that there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowRoom {
    /// One of the event's own.
    Own,
    /// One for what else comes from its network.
    OfNetwork,
    /// None but the one for all that is left.
    None,
}

impl Fold {
    /// The repeats that the store has not been told of.
    fn take_repeats(&mut self) -> Repeats {
        let added = std::mem::take(&mut self.unwritten);
        Repeats { first: self.first.clone(), added, count: self.count, last_at: self.last_at }
    }
}

impl AuditEntry {
    /// This event as the first of those that have no rows of their own, as there are too many.
    fn standing_for_others(self) -> Self {
        let AuditFields { event, result, class, person, realm, account, .. } = self.fields;
        let who = self.fields.who.filter(|_| person.is_some());
        let detail = Some("and others: more different ones within five minutes than have rows of their own".to_owned());
        let fields = AuditFields { who, realm, account, person, detail, ..AuditFields::new(event, result, class) };
        Self { fields, user_agent: None, ..self }
    }
}

/// The key of a fold: all that repeats of an event have in common.
fn same(entry: &AuditEntry, network: Network) -> impl std::hash::Hash + '_ {
    let AuditFields { event, result, who, person, session, token, page, reason, directory_code, factor, .. } = &entry.fields;
    let who = who.as_ref().map(|who| who.to_lowercase());
    let what = (entry.fields.detail.as_deref(), entry.fields.gained.as_deref(), entry.fields.lost.as_deref());
    let origin = match entry.holder.class {
        RetentionClass::Stranger => (Some(network), None, None),
        RetentionClass::Person | RetentionClass::Administration => {
            (None, entry.address.as_deref(), entry.user_agent.as_deref())
        }
    };
    ((event, result, who, person, origin), (session, token, page, reason, directory_code, factor), what)
}

#[cfg(test)]
mod tests;
