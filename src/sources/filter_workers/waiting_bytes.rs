use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::domain::{Holder, HolderCounts};

/// The most bytes of answers of strangers that wait for a filter or are in one; one answer alone may be larger.
const MAX_OF_STRANGERS: usize = 32 * 1024 * 1024;

/// The same for members and the program.
const MAX_OF_OTHERS: usize = 3 * MAX_OF_STRANGERS;

/// How many of them one member has, or a network of strangers.
const MAX_OF_ONE: usize = MAX_OF_STRANGERS;

/// The answers that wait for filters, by holder. Filters of one answer share its memory, so it counts once.
#[derive(Default)]
pub(super) struct WaitingBytes(Mutex<WaitingState>);

#[derive(Default)]
struct WaitingState {
    last_id: u64,
    answers: HashMap<AnswerKey, SharedAnswer>,
    by_holder: HolderCounts,
    of_strangers: usize,
    of_others: usize,
}

/// Whose an answer is, and where in memory: no other is there for as long as it waits.
type AnswerKey = (Holder, (usize, usize));

/// An answer, and how many filters it waits for.
struct SharedAnswer {
    /// The highest is the newest.
    id: u64,
    bytes: usize,
    filters: usize,
    /// Whether it is in a filter.
    is_used: bool,
    displaced: CancellationToken,
}

/// An answer that waits for a filter. It is counted until this is dropped, or until it has to make room.
pub(super) struct WaitingAnswer<'a> {
    waiting: &'a WaitingBytes,
    holder: Holder,
    answer: &'a [u8],
    id: u64,
    displaced: CancellationToken,
}

impl WaitingBytes {
    /// Counts an answer. Where there is no room, the newest that waits of whoever has most makes some, if that is more than the
    /// holder would have; `None` when nobody has.
    pub(super) fn add<'a>(&'a self, holder: &Holder, answer: &'a [u8]) -> Option<WaitingAnswer<'a>> {
        let mut state = self.lock();
        let key = key_of(holder, answer);
        if !state.answers.contains_key(&key) {
            let (own, bytes) = (state.by_holder.of(holder), answer.len());
            if own > 0 && own + bytes > MAX_OF_ONE {
                return None;
            }
            while !state.has_room(holder, bytes) {
                let next = state.next_to_go(holder, bytes)?;
                state.remove(&next);
            }
            state.insert(key.clone(), bytes);
        }
        let shared = state.answers.get_mut(&key)?;
        shared.filters += 1;
        let (id, displaced) = (shared.id, shared.displaced.clone());
        drop(state);
        Some(WaitingAnswer { waiting: self, holder: holder.clone(), answer, id, displaced })
    }

    fn lock(&self) -> MutexGuard<'_, WaitingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingState {
    fn of_kind(&mut self, holder: &Holder) -> &mut usize {
        if holder.is_stranger() { &mut self.of_strangers } else { &mut self.of_others }
    }

    fn has_room(&mut self, holder: &Holder, bytes: usize) -> bool {
        let most = if holder.is_stranger() { MAX_OF_STRANGERS } else { MAX_OF_OTHERS };
        let of_kind = *self.of_kind(holder);
        of_kind == 0 || of_kind + bytes <= most
    }

    fn next_to_go(&self, holder: &Holder, bytes: usize) -> Option<AnswerKey> {
        let waiting = self.answers.iter().filter(|(_, answer)| !answer.is_used);
        let of_kind = waiting.filter(|((other, _), _)| other.is_stranger() == holder.is_stranger());
        let leading = of_kind.filter_map(|(key, answer)| Some((self.by_holder.lead(&key.0, holder, bytes)?, answer.id, key)));
        leading.max_by_key(|(lead, id, _)| (*lead, *id)).map(|(.., key)| key.clone())
    }

    fn insert(&mut self, key: AnswerKey, bytes: usize) {
        self.last_id += 1;
        self.by_holder.add(&key.0, bytes);
        *self.of_kind(&key.0) += bytes;
        let displaced = CancellationToken::new();
        self.answers.insert(key, SharedAnswer { id: self.last_id, bytes, filters: 0, is_used: false, displaced });
    }

    /// Removes an answer, and tells those who wait with it.
    fn remove(&mut self, key: &AnswerKey) {
        if let Some(SharedAnswer { bytes, displaced, .. }) = self.answers.remove(key) {
            self.by_holder.remove(&key.0, bytes);
            *self.of_kind(&key.0) -= bytes;
            displaced.cancel();
        }
    }
}

impl WaitingAnswer<'_> {
    /// Resolves when it has to make room.
    pub(super) fn displaced(&self) -> impl Future<Output = ()> {
        self.displaced.cancelled()
    }

    /// Lets it be, as it is in a filter now.
    pub(super) fn keep(&self) {
        if let Some(answer) = self.waiting.lock().answers.get_mut(&key_of(&self.holder, self.answer)) {
            answer.is_used = true;
        }
    }
}

impl Drop for WaitingAnswer<'_> {
    fn drop(&mut self) {
        let mut state = self.waiting.lock();
        let key = key_of(&self.holder, self.answer);
        // It may have been displaced, and another have come to its place.
        let Some(shared) = state.answers.get_mut(&key).filter(|shared| shared.id == self.id) else { return };
        shared.filters -= 1;
        if shared.filters == 0 {
            state.remove(&key);
        }
    }
}

fn key_of(holder: &Holder, answer: &[u8]) -> AnswerKey {
    (holder.clone(), (answer.as_ptr().addr(), answer.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::PersonId;

    #[test]
    fn filters_of_one_answer_share_its_bytes_and_those_of_many_do_not() {
        let waiting = WaitingBytes::default();
        let alice = Holder::Person(PersonId::new("alice"));
        let (large, small) = (vec![0; MAX_OF_ONE - 10], vec![0; 20]);
        let held: Vec<_> = (0..100).map(|_| waiting.add(&alice, &large).unwrap()).collect();
        assert!(waiting.add(&alice, &small).is_none());
        assert!(waiting.add(&Holder::Program, &small).is_some(), "another has a share of their own");
        drop(held);
        assert!(waiting.add(&alice, &small).is_some());
        assert!(waiting.lock().answers.is_empty());
    }
}
