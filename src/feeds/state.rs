use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::backoff;
use super::key::FeedKey;
use crate::domain::{History, Reading, Series, Timestamp};
use crate::panels::{PanelTrouble, Past};
use crate::sources::SourceError;

/// The state of a feed: its past, as far as somebody asks for it, and why there is nothing newer.
#[derive(Debug)]
pub struct FeedState {
    /// The newest readings, the oldest first: as many as the subscriber that asks for most of them needs, and at least one.
    readings: VecDeque<(Timestamp, Reading)>,
    reading_count: u64,
    history: History,
    trouble: Option<PanelTrouble>,
    due: Timestamp,
    /// Whether the source pushes its readings by itself.
    is_pushed: bool,
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
}

impl FeedState {
    /// The state before the first answer, with the history that the feed goes on with, and the past that it is to have.
    pub(super) fn new(due: Timestamp, history: History, past: Past) -> Self {
        let mut state = Self {
            readings: VecDeque::new(),
            reading_count: 0,
            history,
            trouble: None,
            due,
            is_pushed: false,
            asked_past: Duration::ZERO,
            missing_past: None,
            failures: 0,
            subscribers: Vec::new(),
        };
        state.miss_past(past);
        state
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
    pub fn trouble(&self) -> Option<&PanelTrouble> {
        self.trouble.as_ref()
    }

    /// Whether the query is being executed.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        !self.is_pushed && self.due <= now
    }

    /// When the query is executed next. When that has passed, an answer is on its way.
    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    /// Sets whether the source pushes its readings by itself.
    pub(super) fn set_pushed(&mut self, is_pushed: bool) {
        self.is_pushed = is_pushed;
    }

    /// Takes how far back the source is to be asked for its past; `None` when it was asked already.
    pub(super) fn take_missing_past(&mut self) -> Option<Duration> {
        self.missing_past.take()
    }

    /// Adds the source's own past to the history.
    pub(super) fn fill_history(&mut self, past: &Series) {
        self.history.fill(past);
    }

    /// Adds a subscriber, and returns its id.
    pub(super) fn subscribe(&mut self, answered: Arc<Notify>, past: Past) -> u64 {
        let id = self.subscribers.last().map_or(0, |last| last.id + 1);
        self.subscribers.push(Subscriber { id, answered, past });
        self.miss_past(past);
        self.fit_past();
        id
    }

    /// Removes a subscriber, and the past that it alone has asked for.
    pub(super) fn unsubscribe(&mut self, id: u64) {
        self.subscribers.retain(|subscriber| subscriber.id != id);
        self.fit_past();
    }

    /// Records the answer that came `now`, and notifies the subscribers.
    pub(super) fn record(&mut self, key: &FeedKey, answer: Result<Reading, SourceError>, now: Timestamp) {
        match answer {
            Ok(reading) => {
                let failures = std::mem::take(&mut self.failures);
                if failures > 0 {
                    tracing::info!(source = %key.query.source, failures, "the source answers again");
                }
                self.trouble = None;
                self.history.record(now, &reading);
                self.reading_count += 1;
                self.readings.push_back((now, reading));
                self.drop_old_readings();
                self.due = next_due(self.due, key.every, now);
            }
            Err(error) => {
                self.failures += 1;
                if self.failures == 1 {
                    tracing::warn!(source = %key.query.source, query = key.query.text, %error, "the source gave no reading");
                }
                self.history.record_failure(now);
                self.due = now + backoff::after_failures(key.every, self.failures);
                let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
                self.trouble = Some(PanelTrouble { reason: error.to_string(), since, retry_at: self.due });
            }
        }
        self.subscribers.iter().for_each(|subscriber| subscriber.answered.notify_one());
    }

    /// Has the source asked for its past, when it was not asked for as much before.
    fn miss_past(&mut self, past: Past) {
        if let Some(window) = past.window.filter(|window| *window > self.asked_past) {
            self.asked_past = window;
            self.missing_past = Some(window);
        }
    }

    /// Keeps as much of the past as the subscribers ask for.
    fn fit_past(&mut self) {
        self.history.keep_windows(&self.subscribers.iter().filter_map(|subscriber| subscriber.past.window).collect());
        self.drop_old_readings();
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
        let one = state.subscribe(Arc::default(), Past::default());
        let ten = state.subscribe(Arc::default(), Past { readings: 10, window: None });
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
    }
}
