use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::Holder;

/// The most bytes of answers that wait for a filter or are in one. One answer alone may be larger.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// How many of them strangers have together, and one member.
const MAX_OF_ONE: usize = MAX_BYTES / 4;

/// The answers that wait for filters, by holder: strangers are one. Filters of one answer share its memory, so it counts once.
#[derive(Default)]
pub(super) struct WaitingBytes(Mutex<HashMap<Option<Holder>, HashMap<AnswerAddress, SharedAnswer>>>);

/// Where an answer is in memory: no other is there for as long as it waits.
type AnswerAddress = (usize, usize);

/// How many filters an answer waits for, and its size.
#[derive(Default)]
struct SharedAnswer {
    filters: usize,
    bytes: usize,
}

/// An answer that waits for a filter. It is counted until this is dropped.
pub(super) struct WaitingAnswer<'a> {
    waiting: &'a WaitingBytes,
    holder: Option<Holder>,
    answer: &'a [u8],
}

impl WaitingBytes {
    /// Counts an answer; `None` when it would be too much.
    pub(super) fn add<'a>(&'a self, holder: &Holder, answer: &'a [u8]) -> Option<WaitingAnswer<'a>> {
        let holder = Some(holder).filter(|holder| !holder.is_stranger()).cloned();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |answers: &HashMap<_, SharedAnswer>| answers.values().map(|answer| answer.bytes).sum::<usize>();
        let total: usize = waiting.values().map(sum).sum();
        let answers = waiting.get(&holder);
        let own = answers.map_or(0, sum);
        let is_counted = answers.is_some_and(|answers| answers.contains_key(&address(answer)));
        let bytes = if is_counted { 0 } else { answer.len() };
        // Who has nothing here may have one answer, however large.
        if (own > 0 && own + bytes > MAX_OF_ONE) || (total > 0 && total + bytes > MAX_BYTES) {
            return None;
        }
        let shared = waiting.entry(holder.clone()).or_default().entry(address(answer)).or_default();
        (shared.filters, shared.bytes) = (shared.filters + 1, answer.len());
        Some(WaitingAnswer { waiting: self, holder, answer })
    }
}

impl Drop for WaitingAnswer<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(answers) = waiting.get_mut(&self.holder) else { return };
        if let Some(shared) = answers.get_mut(&address(self.answer)) {
            shared.filters -= 1;
            if shared.filters == 0 {
                answers.remove(&address(self.answer));
            }
        }
        if answers.is_empty() {
            waiting.remove(&self.holder);
        }
    }
}

fn address(answer: &[u8]) -> AnswerAddress {
    (answer.as_ptr().addr(), answer.len())
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
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
