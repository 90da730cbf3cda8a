use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::key::FeedKey;
use super::message::{decode_answer, encode_answer};
use super::state::{AnswerTimes, FeedState};
use crate::bus::{Retention, Role, Topic};
use crate::domain::{Reading, Timestamp};
use crate::sources::SourceError;

/// How long a feed's past is kept on the bus after its last answer is due: as long as a channel's feeds run on by default.
const KEPT_AFTER_DUE: Duration = Duration::from_mins(1);

/// How many failures in a row a node tells the others as their answer, before one that may reach the source tries.
const MAX_FAILURES: u32 = 3;

/// The most bytes of a feed's past on the bus: an hour of a chart of some lines. One answer alone may be larger.
const MAX_PAST_BYTES: usize = 1024 * 1024;

/// A feed's part in its topic: it executes its query for all nodes, or follows the one that does.
pub(super) struct FeedTopic {
    topic: Arc<Topic>,
    /// When this node had an answer of its own, since the last one of another.
    answered_at: Option<Timestamp>,
    /// How many answers of this node's own in a row were failures.
    failures: u32,
}

impl FeedTopic {
    pub(super) fn new(topic: Arc<Topic>) -> Self {
        Self { topic, answered_at: None, failures: 0 }
    }

    /// The part of this node in it.
    pub(super) fn role(&self) -> Role {
        self.topic.role()
    }

    /// Resolves when there is something to [`Self::follow`].
    pub(super) async fn changed(&self) {
        self.topic.changed().await;
    }

    /// Records what other nodes were answered, and returns when it is this one's turn; `None` while another leads, or that is
    /// not decided.
    pub(super) fn follow(&mut self, key: &FeedKey, state: &Mutex<FeedState>, now: Timestamp) -> Option<Timestamp> {
        let role = self.topic.role();
        let mut state = lock(state);
        while let Some(entry) = self.topic.next_entry() {
            // While the bus was gone, both were answered. An answer of ours from the time to come is of a clock that was set back.
            if self.answered_at.is_some_and(|own| entry.at <= own && own <= now) {
                continue;
            }
            let Some(answer) = decode_answer(&entry.text) else { continue };
            self.answered_at = None;
            state.record(key, answer, AnswerTimes { now, taken_at: entry.at, beat: Some(entry.at), not_before: None });
        }
        state.set_followed(role == Role::Following);
        match role {
            Role::Leading(_) | Role::Alone => Some(state.due()),
            Role::Undecided | Role::Following => None,
        }
    }

    /// Tells other nodes an answer, if this one leads. Returns whether it counts: not when another leads by now.
    pub(super) fn share(
        &mut self,
        answer: &Result<Reading, SourceError>,
        key: &FeedKey,
        AnswerTimes { taken_at, .. }: AnswerTimes,
        state: &FeedState,
    ) -> bool {
        let role = self.topic.role();
        if role == Role::Following {
            return false;
        }
        if matches!(role, Role::Leading(_)) {
            let message = encode_answer(answer);
            let entries = state.readings_for_past(key.every).min(MAX_PAST_BYTES / message.len().max(1));
            self.topic.append(taken_at, &message, Retention { entries, length: key.every + KEPT_AFTER_DUE });
        }
        self.answered_at = Some(taken_at);
        self.failures = if answer.is_ok() { 0 } else { self.failures + 1 };
        if matches!(role, Role::Leading(_)) && self.failures >= MAX_FAILURES {
            self.failures = 0;
            self.topic.step_back();
        }
        true
    }

    /// Resolves when another node is to execute the query.
    pub(super) async fn turn_is_over(&self) {
        while self.topic.role() != Role::Following {
            self.topic.changed().await;
        }
    }
}

fn lock(state: &Mutex<FeedState>) -> MutexGuard<'_, FeedState> {
    // As in a feed: the next reading sets its parts anew.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
