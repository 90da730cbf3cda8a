use std::cmp::Reverse;
use std::collections::HashMap;

use super::key::FeedKey;
use super::state::LastAnswer;
use crate::domain::{Holder, HolderCounts, Reading, TableCell, Timestamp};

/// The most answers that are retained: more than all channels have panels at a time.
const MAX_ANSWERS: usize = 4096;

/// Their size in all: some hundred long tables, or all that are a number.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How much of that no member takes from strangers.
const BYTES_OF_STRANGERS: usize = MAX_BYTES / 4;

/// The last answers of feeds that have ended, each until its query would have been due: who comes back to a page, or walks from
/// choice to choice, has no query executed more often than its interval says.
#[derive(Default)]
pub(super) struct RetainedAnswers {
    answers: HashMap<FeedKey, RetainedAnswer>,
    bytes: usize,
    bytes_by_holder: HolderCounts,
    count: u64,
}

/// A retained answer, and the holder that it is counted under.
struct RetainedAnswer {
    last: LastAnswer,
    holder: Holder,
    bytes: usize,
    /// Its number among all that were retained: the lowest is the oldest.
    number: u64,
}

impl RetainedAnswers {
    /// Retains the last answer of a feed that ends `now`.
    pub(super) fn insert(&mut self, key: FeedKey, last: LastAnswer, holder: Holder, now: Timestamp) {
        if last.due <= now {
            return;
        }
        self.remove(&key);
        let bytes = size_of::<(FeedKey, RetainedAnswer)>() + key.query.text.len() + last.reading().map_or(0, reading_bytes);
        self.count += 1;
        self.bytes += bytes;
        self.bytes_by_holder.add(&holder, bytes);
        self.answers.insert(key, RetainedAnswer { last, holder, bytes, number: self.count });
        if self.is_over_limits() {
            let overdue = self.answers.iter().filter(|(_, answer)| answer.last.due <= now).map(|(key, _)| key.clone());
            overdue.collect::<Vec<_>>().iter().for_each(|key| drop(self.remove(key)));
        }
        while self.is_over_limits() {
            let Some(key) = self.next_to_go() else { return };
            self.remove(&key);
        }
    }

    /// Takes the last answer of the query, if it is not due before.
    pub(super) fn take(&mut self, key: &FeedKey, now: Timestamp) -> Option<LastAnswer> {
        self.remove(key).map(|answer| answer.last).filter(|last| last.due > now && last.due <= now + key.every.max(last.wait))
    }

    fn is_over_limits(&self) -> bool {
        self.answers.len() > MAX_ANSWERS || self.bytes > MAX_BYTES
    }

    /// The oldest of whoever has most, networks in steps: a stranger as long as strangers have more than theirs, else a member. Of
    /// those in one network age decides among who has about as much.
    fn next_to_go(&self) -> Option<FeedKey> {
        let of_strangers: usize =
            self.answers.values().filter(|answer| answer.holder.is_stranger()).map(|answer| answer.bytes).sum();
        let (counts, strangers_yield) = (&self.bytes_by_holder, of_strangers > BYTES_OF_STRANGERS);
        let next = self.answers.iter().max_by_key(|(_, answer)| {
            let holder = &answer.holder;
            (
                holder.is_stranger() == strangers_yield,
                counts.needed_share(holder),
                counts.of(holder).checked_ilog2(),
                Reverse(answer.number),
            )
        });
        next.map(|(key, _)| key.clone())
    }

    fn remove(&mut self, key: &FeedKey) -> Option<RetainedAnswer> {
        let removed = self.answers.remove(key)?;
        self.bytes -= removed.bytes;
        self.bytes_by_holder.remove(&removed.holder, removed.bytes);
        Some(removed)
    }
}

/// The memory of a reading, without what its allocations waste.
fn reading_bytes(reading: &Reading) -> usize {
    match reading {
        Reading::Number(_) => 0,
        Reading::Text(text) => text.len(),
        Reading::Numbers(numbers) => numbers.iter().map(|number| size_of_val(number) + number.label.len()).sum(),
        Reading::States(states) => {
            states.iter().map(|state| size_of_val(state) + state.label.len() + state.note.as_ref().map_or(0, String::len)).sum()
        }
        Reading::Table(table) => table.rows.iter().flatten().map(cell_bytes).sum(),
        Reading::Series(series) => {
            let lines = series.lines().iter().map(|line| line.label.len() + size_of_val(line.values.as_slice()));
            size_of_val(series.times()) + lines.sum::<usize>()
        }
    }
}

fn cell_bytes(cell: &TableCell) -> usize {
    size_of_val(cell) + if let TableCell::Text(text) | TableCell::Decimal(text) = cell { text.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Bindings, BoundQuery, Network, PersonId};

    fn key(number: usize) -> FeedKey {
        let query = BoundQuery { source: "shop".parse().unwrap(), text: number.to_string(), bindings: Bindings::new() };
        FeedKey { query, every: Duration::from_hours(1) }
    }

    #[test]
    fn a_strangers_walk_displaces_its_own_answers_and_no_members() {
        let now = Timestamp::from_millis(0);
        let answer = || LastAnswer::of_reading(now, Reading::Text("a".repeat(64 * 1024)), Duration::from_hours(1));
        let mut retained = RetainedAnswers::default();
        for number in 0..20 {
            retained.insert(key(number), answer(), Holder::Person(PersonId::new("alice")), now);
        }
        for number in 20..2_000 {
            retained.insert(key(number), answer(), Holder::Stranger(Network::narrowest_of(None)), now);
        }
        assert!(retained.bytes <= MAX_BYTES, "{}", retained.bytes);
        assert!((0..20).all(|number| retained.take(&key(number), now).is_some()));
        assert!(retained.take(&key(20), now).is_none() && retained.take(&key(1_999), now).is_some());
        assert!(retained.take(&key(1_998), now + Duration::from_hours(1)).is_none(), "it is due");
    }

    #[test]
    fn a_members_walk_leaves_strangers_theirs() {
        let now = Timestamp::from_millis(0);
        let answer = || LastAnswer::of_reading(now, Reading::Text("a".repeat(64 * 1024)), Duration::from_hours(1));
        let mut retained = RetainedAnswers::default();
        for number in 0..20 {
            retained.insert(key(number), answer(), Holder::Stranger(Network::narrowest_of(None)), now);
        }
        for number in 20..2_000 {
            retained.insert(key(number), answer(), Holder::Person(PersonId::new("alice")), now);
        }
        assert!((0..20).all(|number| retained.take(&key(number), now).is_some()));
    }

    #[test]
    fn a_walk_from_many_links_of_one_site_displaces_no_other_strangers() {
        let now = Timestamp::from_millis(0);
        let answer = || LastAnswer::of_reading(now, Reading::Text("a".repeat(64 * 1024)), Duration::from_hours(1));
        let stranger = |address: String| Holder::Stranger(Network::narrowest_of(address.parse().ok()));
        let mut retained = RetainedAnswers::default();
        for number in 0..20 {
            retained.insert(key(number), answer(), stranger("192.0.2.1".to_owned()), now);
        }
        for number in 20..2_000 {
            retained.insert(key(number), answer(), stranger(format!("2001:db8:0:{number:x}::1")), now);
        }
        assert!((0..20).all(|number| retained.take(&key(number), now).is_some()));
        assert!(retained.take(&key(1_999), now).is_some());
    }
}
