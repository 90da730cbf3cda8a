use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fields::AuditFields;
use super::retention::RetentionClass;
use super::store::{AuditEntry, Repeats};
use crate::domain::{Network, NetworkCounts, Timestamp};

/// How long repeats of an event are added to its row: short enough for a table of what happened when, and 288 rows a day for
/// a script that does one thing without end.
pub(super) const FOLD_WINDOW: Duration = Duration::from_mins(5);

/// The most rows of one kind of event that one person causes in a window, and each network of strangers in steps. Nobody does
/// so much by hand; what goes beyond it is counted in one row more.
pub(super) const MAX_ROWS_PER_HOLDER: usize = 100;

/// The most rows that strangers cause together in a window, from however many networks: less than the writer's queue holds.
const MAX_STRANGER_ROWS: usize = 4_000;

/// The most events whose repeats are waited for, of less than a kilobyte each. Beyond it, as when tens of thousands sign in at
/// once, every event of a person is a row.
const MAX_FOLDS: usize = 16_384;

/// Folds repeats of an event into one row with a count: those of the same kind, actor, outcome, network and details within a
/// window. Nobody writes the audit full with one thing, done again and again.
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
    of_people: HashMap<(&'static str, String), usize>,
    /// The rows of each kind that strangers caused.
    of_strangers: HashMap<&'static str, NetworkCounts>,
    stranger_rows: usize,
    last_sequence: u64,
    is_closed: bool,
}

/// An event whose repeats are added to its row.
#[derive(Debug)]
pub(super) struct Fold {
    /// The first of them.
    pub(super) first: AuditEntry,
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

    /// What has changed of the rows up to the sequence `written`, and the folds whose window is over at `now`.
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
        let exact = hasher.hash_one(same(&entry.fields, network));
        if self.repeats(exact, entry.at) {
            return None;
        }
        let key = match self.surplus_of(&entry, network) {
            None => exact,
            Some(beyond) => {
                let key = match beyond {
                    Beyond::Holder => hasher.hash_one(("holder", entry.fields.event, &entry.holder)),
                    Beyond::Strangers => hasher.hash_one(("strangers", entry.fields.event)),
                };
                if self.repeats(key, entry.at) {
                    return None;
                }
                entry = entry.standing_for_others();
                key
            }
        };
        self.last_sequence += 1;
        entry.sequence = self.last_sequence;
        self.open(key, &entry, network);
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

    /// Whose rows are too many for another.
    fn surplus_of(&self, entry: &AuditEntry, network: Network) -> Option<Beyond> {
        let kind = entry.fields.event;
        match entry.holder.class {
            RetentionClass::Administration => None,
            RetentionClass::Person => {
                let rows = self.of_people.get(&(kind, entry.holder.name.clone())).copied().unwrap_or_default();
                (rows >= MAX_ROWS_PER_HOLDER).then_some(Beyond::Holder)
            }
            RetentionClass::Stranger if self.stranger_rows >= MAX_STRANGER_ROWS => Some(Beyond::Strangers),
            RetentionClass::Stranger => {
                let counts = self.of_strangers.get(kind);
                let has_room = counts.is_none_or(|counts| counts.has_room(network, MAX_ROWS_PER_HOLDER));
                (!has_room).then_some(Beyond::Holder)
            }
        }
    }

    fn open(&mut self, key: u64, entry: &AuditEntry, network: Network) {
        // Strangers' have a bound of their own.
        if self.folds.len() >= MAX_FOLDS && entry.holder.class != RetentionClass::Stranger {
            return;
        }
        let kind = entry.fields.event;
        match entry.holder.class {
            RetentionClass::Administration => {}
            RetentionClass::Person => *self.of_people.entry((kind, entry.holder.name.clone())).or_default() += 1,
            RetentionClass::Stranger => {
                self.of_strangers.entry(kind).or_default().add(network);
                self.stranger_rows += 1;
            }
        }
        let fold = Fold { first: entry.clone(), network, count: 1, last_at: entry.at, unwritten: 0 };
        self.folds.insert(key, fold);
    }

    /// Takes a fold's row out of the counts.
    fn uncount(&mut self, fold: &Fold) {
        let kind = fold.first.fields.event;
        match fold.first.holder.class {
            RetentionClass::Administration => {}
            RetentionClass::Person => {
                let key = (kind, fold.first.holder.name.clone());
                if let Some(rows) = self.of_people.get_mut(&key) {
                    *rows -= 1;
                    if *rows == 0 {
                        self.of_people.remove(&key);
                    }
                }
            }
            RetentionClass::Stranger => {
                if let Some(counts) = self.of_strangers.get_mut(kind) {
                    counts.remove(fold.network);
                }
                self.stranger_rows -= 1;
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

/// Whose rows are too many.
#[derive(Clone, Copy)]
enum Beyond {
    /// Those of the event's own holder.
    Holder,
    /// Those of all strangers together.
    Strangers,
}

impl Fold {
    /// The repeats that the store has not been told of.
    fn take_repeats(&mut self) -> Repeats {
        let added = std::mem::take(&mut self.unwritten);
        Repeats { at: self.first.at, sequence: self.first.sequence, added, count: self.count, last_at: self.last_at }
    }
}

impl AuditEntry {
    /// This event as the first of those that have no rows of their own, as there are too many.
    fn standing_for_others(self) -> Self {
        let AuditFields { event, result, class, person, realm, account, .. } = self.fields;
        let who = self.fields.who.filter(|_| person.is_some());
        let detail = format!("and others: more than {MAX_ROWS_PER_HOLDER} different ones within five minutes");
        let detail = Some(detail);
        let fields = AuditFields { event, result, class, who, realm, account, person, detail, ..AuditFields::default() };
        Self { fields, user_agent: None, ..self }
    }
}

/// What repeats of an event have in common.
fn same(fields: &AuditFields, network: Network) -> impl std::hash::Hash + '_ {
    let AuditFields { event, result, who, person, session, token, page, reason, directory_code, factor, .. } = fields;
    let who = who.as_ref().map(|who| who.to_lowercase());
    let what = (fields.detail.as_deref(), fields.gained.as_deref(), fields.lost.as_deref());
    ((event, result, who, person, network), (session, token, page, reason, directory_code, factor), what)
}
