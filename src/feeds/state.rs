use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::backoff;
use super::key::FeedKey;
use super::trouble::FeedTrouble;
use crate::domain::{History, Holder, Reading, Series, Timestamp};
use crate::history::GAP_INTERVALS;
use crate::panels::{MAX_ROWS, Past};
use crate::sources::SourceError;

/// How much earlier than it was the last time another node's answer may come, and how much later, to belong to the same batch as those
/// that have come already.
const FOLLOWED_EARLY: Duration = Duration::from_millis(5);
const FOLLOWED_LATE: Duration = Duration::from_millis(100);

/// The state of a feed: its past, as far as somebody asks for it, and why there is nothing newer.
#[derive(Debug)]
pub struct FeedState {
    /// The newest readings, the oldest first: as many as the subscriber that asks for most of them needs, and at least one. Only
    /// the newest is whole; of those before it there are [`MAX_ROWS`] states or numbers each.
    readings: VecDeque<(Timestamp, Reading)>,
    reading_count: u64,
    history: History,
    trouble: Option<FeedTrouble>,
    due: Timestamp,
    /// How long that is after the last answer.
    wait: Duration,
    /// Whether the source pushes its readings by itself.
    is_pushed: bool,
    /// Whether another node executes the query, and sends what it is answered.
    is_followed: bool,
    /// How far back the source was asked for its past, or is to be.
    asked_past: Duration,
    /// How far back the source is to be asked for its past next.
    missing_past: Option<Duration>,
    /// How many failures there were since the last reading.
    failures: u32,
    subscribers: Vec<Subscriber>,
}

/// Who is notified of a feed's answers, and the past that it draws from.
#[derive(Debug)]
struct Subscriber {
    id: u64,
    answered: Arc<Notify>,
    past: Past,
    holder: Holder,
}

/// The last answer of a feed, without its past.
#[derive(Debug)]
pub(super) struct LastAnswer {
    newest: Option<(Timestamp, Reading)>,
    trouble: Option<FeedTrouble>,
    failures: u32,
    /// When the query is executed next.
    pub(super) due: Timestamp,
    /// How long that was after the answer.
    pub(super) wait: Duration,
}

/// The moments of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerTimes {
    /// When it is recorded.
    pub(super) now: Timestamp,
    /// When the source gave it.
    pub(super) taken_at: Timestamp,
    /// From when the interval to the next one counts; from when the query was due, where it is `None`.
    pub(super) beat: Option<Timestamp>,
    /// Before when the source has asked not to be asked again.
    pub(super) not_before: Option<Timestamp>,
}

impl From<Timestamp> for AnswerTimes {
    /// An answer of this moment.
    fn from(now: Timestamp) -> Self {
        Self { now, taken_at: now, beat: None, not_before: None }
    }
}

impl LastAnswer {
    /// The reading, if there was one.
    pub(super) fn reading(&self) -> Option<&Reading> {
        self.newest.as_ref().map(|(_, reading)| reading)
    }

    #[cfg(test)]
    pub(super) fn of_reading(at: Timestamp, reading: Reading, wait: Duration) -> Self {
        Self { newest: Some((at, reading)), trouble: None, failures: 0, due: at + wait, wait }
    }
}

impl FeedState {
    /// The state before the first answer, with the history that the feed goes on with, and the past that it is to have.
    pub(super) fn new(due: Timestamp, mut history: History, past: Past) -> Self {
        // The first answer may come before the first subscriber.
        history.keep_windows(&past.window.into_iter().collect());
        let mut state = Self {
            readings: VecDeque::new(),
            reading_count: 0,
            history,
            trouble: None,
            due,
            wait: Duration::ZERO,
            is_pushed: false,
            is_followed: false,
            asked_past: Duration::ZERO,
            missing_past: None,
            failures: 0,
            subscribers: Vec::new(),
        };
        state.miss_past(past.window);
        state
    }

    /// Goes on from the last answer that there was of the query.
    pub(super) fn resume(&mut self, last: LastAnswer) {
        let LastAnswer { newest, trouble, failures, due, wait } = last;
        if let Some((at, reading)) = newest {
            if self.history.oldest().is_none() {
                self.history.record(at, &reading);
            }
            self.readings.push_back((at, reading));
            self.reading_count += 1;
        }
        (self.trouble, self.failures, self.due, self.wait) = (trouble, failures, due, wait);
    }

    /// Takes the last answer, for a feed that goes on later; `None` where there was none, or the source pushes its readings.
    pub(super) fn take_last_answer(&mut self) -> Option<LastAnswer> {
        let has_answer = !self.is_pushed && (!self.readings.is_empty() || self.trouble.is_some());
        has_answer.then(|| LastAnswer {
            newest: self.readings.pop_back(),
            trouble: self.trouble.take(),
            failures: self.failures,
            due: self.due,
            wait: self.wait,
        })
    }

    /// Whether the query was executed, by this feed or one before.
    pub(super) fn has_answer(&self) -> bool {
        self.reading_count > 0 || self.trouble.is_some()
    }

    /// The holder that the feed's queries are counted under: a member, where there is one.
    pub(super) fn holder(&self) -> Option<&Holder> {
        self.subscribers.iter().map(|subscriber| &subscriber.holder).max_by_key(|holder| holder.precedence())
    }

    /// Counts a subscriber under another holder.
    pub(super) fn set_holder(&mut self, id: u64, holder: &Holder) {
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.id == id) {
            subscriber.holder = holder.clone();
        }
    }

    /// How many readings there were: tells one from the next even when the machine's clock is set back.
    pub fn reading_count(&self) -> u64 {
        self.reading_count
    }

    /// The readings after the first `count`, as far as they are kept, each with the moment when it was taken.
    pub fn readings_after(&self, count: u64) -> impl Iterator<Item = (Timestamp, &Reading)> {
        let new = usize::try_from(self.reading_count - count).unwrap_or(usize::MAX).min(self.readings.len());
        self.readings.range(self.readings.len() - new..).map(|(at, reading)| (*at, reading))
    }

    /// When the last reading was taken.
    pub fn last_ok(&self) -> Option<Timestamp> {
        self.readings.back().map(|(at, _)| *at)
    }

    /// The numbers of all readings within the windows that the subscribers ask for.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Why there is no newer reading.
    pub fn trouble(&self) -> Option<&FeedTrouble> {
        self.trouble.as_ref()
    }

    /// Whether the query is being executed, here or on another node. Of that, only the answer is seen: it is on its way about when it
    /// is due.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        if self.is_followed {
            return self.due <= now + FOLLOWED_EARLY && now < self.due + FOLLOWED_LATE;
        }
        !self.is_pushed && self.due <= now
    }

    /// When the query is executed next. When that has passed, an answer is on its way.
    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    /// Sets whether another node executes the query: then readings come by themselves, as those that a source pushes.
    pub(super) fn set_followed(&mut self, is_followed: bool) {
        (self.is_followed, self.is_pushed) = (is_followed, is_followed);
    }

    /// Sets whether the source pushes its readings by itself.
    pub(super) fn set_pushed(&mut self, is_pushed: bool) {
        self.is_pushed = is_pushed;
    }

    /// How many readings, `every` apart, the past of all subscribers has.
    pub(super) fn readings_for_past(&self, every: Duration) -> usize {
        let most = self.subscribers.iter().map(|subscriber| subscriber.past.readings).max().unwrap_or(1);
        let window = self.windows().last().copied().unwrap_or_default();
        let in_window = window.as_millis() / every.as_millis().max(1) + 1;
        most.max(usize::try_from(in_window).unwrap_or(usize::MAX))
    }

    /// Whether the source pushes its readings by itself.
    pub(super) fn is_pushed(&self) -> bool {
        self.is_pushed
    }

    /// How far back there is to be a past that is not there yet.
    pub(super) fn missing_past(&self) -> Option<Duration> {
        self.missing_past
    }

    /// Takes how far back the source is to be asked for its past; `None` when it was asked already.
    pub(super) fn take_missing_past(&mut self) -> Option<Duration> {
        self.missing_past.take()
    }

    /// Adds the source's own past to the history.
    pub(super) fn fill_history(&mut self, past: &Series) {
        self.history.fill(past);
    }

    /// Adds what was kept of the past to the history. Where it ended too long ago, there is a gap up to the readings that were
    /// faster than it, or up to now.
    pub(super) fn restore_history(&mut self, past: &Series, every: Duration, now: Timestamp) {
        let oldest = self.history.oldest();
        let is_gap = |last: &&Timestamp| oldest.unwrap_or(now).since(**last) > every * GAP_INTERVALS;
        let gap = past.times().last().filter(is_gap).map(|last| *last + every);
        if let Some(gap) = gap.filter(|_| oldest.is_some())
            && let Ok(without_values) = Series::new(vec![gap], Vec::new(), None)
        {
            self.history.fill(&without_values);
        }
        self.history.fill(past);
        if let Some(gap) = gap.filter(|_| oldest.is_none()) {
            self.history.record_failure(gap);
        }
        if oldest.is_some() {
            self.subscribers.iter().for_each(|subscriber| subscriber.answered.notify_one());
        }
    }

    /// Forgets that the source was asked for its past: it is asked again for the next subscriber, or when it answers again.
    pub(super) fn forget_asked_past(&mut self) {
        self.asked_past = Duration::ZERO;
    }

    /// Adds a subscriber, and returns its id.
    pub(super) fn subscribe(&mut self, answered: Arc<Notify>, past: Past, holder: Holder) -> u64 {
        let id = self.subscribers.last().map_or(0, |last| last.id + 1);
        self.subscribers.push(Subscriber { id, answered, past, holder });
        self.fit_past();
        self.miss_past(past.window);
        id
    }

    /// Removes a subscriber, and the past that it alone has asked for.
    pub(super) fn unsubscribe(&mut self, id: u64) {
        self.subscribers.retain(|subscriber| subscriber.id != id);
        self.fit_past();
    }

    /// Records an answer, and notifies the subscribers.
    pub(super) fn record(&mut self, key: &FeedKey, answer: Result<Reading, SourceError>, times: impl Into<AnswerTimes>) {
        let AnswerTimes { now, taken_at, beat, not_before } = times.into();
        match answer {
            Ok(reading) => {
                let failures = std::mem::take(&mut self.failures);
                if failures > 0 {
                    tracing::info!(source = %key.query.source, failures, "the source answers again");
                    self.miss_past(self.windows().last().copied());
                }
                self.trouble = None;
                self.history.record(taken_at, &reading);
                self.reading_count += 1;
                self.shorten_newest();
                self.readings.push_back((taken_at, reading));
                self.drop_old_readings();
                self.due = next_due(beat.unwrap_or(self.due), key.every, now);
            }
            Err(error) => {
                self.failures += 1;
                self.history.record_failure(now);
                let retry_at = now + backoff::after_failures(key.every, self.failures);
                self.due = not_before.map_or(retry_at, |not_before| not_before.max(retry_at));
                let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
                let trouble = FeedTrouble::new(key, error, since, self.due);
                if !self.trouble.as_ref().is_some_and(|before| before.is_like(&trouble)) {
                    trouble.log(key);
                }
                self.trouble = Some(trouble);
            }
        }
        self.wait = self.due.since(now);
        self.subscribers.iter().for_each(|subscriber| subscriber.answered.notify_one());
    }

    /// Has the source asked for its past, when it was not asked for as much before.
    fn miss_past(&mut self, window: Option<Duration>) {
        if let Some(window) = window.filter(|window| *window > self.asked_past) {
            self.asked_past = window;
            self.missing_past = Some(window);
        }
    }

    /// Keeps as much of the past as the subscribers ask for.
    fn fit_past(&mut self) {
        let (windows, had_windows) = (self.windows(), self.history.has_windows());
        self.history.keep_windows(&windows);
        self.asked_past = self.asked_past.min(windows.last().copied().unwrap_or_default());
        self.drop_old_readings();
        if !had_windows && !windows.is_empty() {
            // Without a window nothing was recorded: the new one begins with what is kept.
            self.readings.iter().for_each(|(at, reading)| self.history.record(*at, reading));
            self.trouble.iter().for_each(|trouble| self.history.record_failure(trouble.since));
        }
    }

    /// The windows that the subscribers ask for.
    fn windows(&self) -> BTreeSet<Duration> {
        self.subscribers.iter().filter_map(|subscriber| subscriber.past.window).collect()
    }

    /// Shortens the newest reading, which another is to follow, to what a panel shows of an older one.
    fn shorten_newest(&mut self) {
        if let Some((_, reading @ Reading::Table(_))) = self.readings.back_mut() {
            // A table of names and states or numbers may have been shown as such.
            let states = reading.labelled_states().map(|states| Reading::States(states.into_owned()));
            let numbers = || reading.labelled_numbers().map(|numbers| Reading::Numbers(numbers.into_owned()));
            if let Some(labelled) = states.or_else(numbers) {
                *reading = labelled;
            }
        }
        match self.readings.back_mut().map(|(_, reading)| reading) {
            Some(Reading::States(states)) => {
                states.truncate(MAX_ROWS);
                states.shrink_to_fit();
                for state in states {
                    state.note = None;
                }
            }
            Some(Reading::Numbers(numbers)) => {
                numbers.truncate(MAX_ROWS);
                numbers.shrink_to_fit();
            }
            Some(Reading::Number(_)) | None => (),
            // Nothing shows an older one of these. Those before it leave too: they are counted from the newest.
            Some(Reading::Table(_) | Reading::Text(_) | Reading::Series(_)) => self.readings.clear(),
        }
    }

    fn drop_old_readings(&mut self) {
        let most = self.subscribers.iter().map(|subscriber| subscriber.past.readings).max().unwrap_or(1).max(1);
        self.readings.drain(..self.readings.len().saturating_sub(most));
    }
}

/// When a query that was `due` and was answered `now` is due next. The interval counts from due time to due time, so that
/// feeds which began together, as those of one page do, stay together and share batches. When the answer took longer than the
/// interval, or the clock was set back, it counts from `now`.
fn next_due(due: Timestamp, period: Duration, now: Timestamp) -> Timestamp {
    (due + period).clamp(now, now + period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LabelledNumber;

    #[test]
    fn a_query_is_executed_at_fixed_intervals_however_long_the_answers_take() {
        let at = |millis: i64| Timestamp::from_millis(1_795_309_126_976 + millis);
        let second = Duration::from_secs(1);
        assert_eq!(next_due(at(0), second, at(30)), at(1_000));
        assert_eq!(next_due(at(1_000), second, at(1_970)), at(2_000));
        assert_eq!(next_due(at(0), second, at(1_200)), at(1_200), "at once, when the answer took longer than that");
        assert_eq!(next_due(at(0), second, at(-86_400_000)), at(-86_399_000), "the clock was set back");
    }

    #[test]
    fn a_feed_keeps_as_many_readings_as_somebody_asks_for() {
        let key = FeedKey {
            query: crate::domain::BoundQuery {
                source: "host".parse().unwrap(),
                text: "load.1".to_owned(),
                bindings: crate::domain::Bindings::default(),
            },
            every: Duration::from_secs(1),
        };
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let mut state = FeedState::new(at(0), History::new(key.every), Past::default());
        let one = state.subscribe(Arc::default(), Past::default(), Holder::Program);
        let ten = state.subscribe(Arc::default(), Past { readings: 10, window: None }, Holder::Program);
        for second in 0..20 {
            state.record(&key, Ok(Reading::Number(1.0)), at(second));
        }
        let times =
            |state: &FeedState, count| state.readings_after(count).map(|(at, _)| at.as_millis() / 1000).collect::<Vec<_>>();
        assert_eq!(times(&state, 0), (10..20).collect::<Vec<_>>());
        assert_eq!((times(&state, 18), times(&state, 20)), (vec![18, 19], vec![]));
        state.unsubscribe(ten);
        assert_eq!(times(&state, 0), [19]);
        state.unsubscribe(one);
        assert_eq!(state.last_ok(), Some(at(19)));

        state.subscribe(Arc::default(), Past { readings: 10, window: None }, Holder::Program);
        let thing = LabelledNumber { label: "disk".to_owned(), value: 1.0 };
        for second in 20..22 {
            state.record(&key, Ok(Reading::Numbers(vec![thing.clone(); MAX_ROWS + 1])), at(second));
        }
        let rows =
            |(_, reading): (Timestamp, &Reading)| if let Reading::Numbers(numbers) = reading { numbers.len() } else { 1 };
        assert_eq!(state.readings_after(19).map(rows).collect::<Vec<_>>(), [1, MAX_ROWS, MAX_ROWS + 1]);
        state.record(&key, Ok(Reading::Text("a long page".to_owned())), at(22));
        state.record(&key, Ok(Reading::Number(1.0)), at(23));
        assert_eq!(times(&state, 0), [23], "an older text is not kept");
    }
}
