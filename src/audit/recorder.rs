use super::AuditEvent;
use super::fields::{AuditFields, EVENTS};
use super::sanitize::sanitize;
use super::writer::{AuditQueue, QueuedEvent};
use crate::domain::{Client, SessionId, TokenId};

/// The `tracing` target of every line of the audit.
pub const TARGET: &str = "audit";

/// Writes the audit: into the program's log, and into the store where there is one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    queue: Option<AuditQueue>,
}

impl Audit {
    /// An audit that writes to the program's log alone.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn with_queue(keeper: AuditQueue) -> Self {
        Self { queue: Some(keeper) }
    }

    /// Writes down what happened, from where. Waits for nothing: the store's writer has a queue.
    pub fn record(&self, client: &Client, event: &AuditEvent<'_>) {
        let line = AuditFields::from_event(event);
        debug_assert!(EVENTS.contains(&line.event), "{} is not among the events' words", line.event);
        let address = client.address().map(|address| address.to_string());
        let user_agent = client.user_agent().map(sanitize);
        // A field that is `None` is left out of the line. Texts are given as `str`, which every format quotes.
        tracing::info!(
            target: TARGET,
            event = line.event,
            result = line.result,
            who = line.who.as_deref(),
            person = line.person.as_deref(),
            address = address.as_deref(),
            session = line.session.map(SessionId::as_i64),
            token = line.token.map(TokenId::as_i64),
            page = line.page.as_deref(),
            reason = line.reason,
            directory_code = line.directory_code,
            factor = line.factor,
            gained = line.gained.as_deref(),
            lost = line.lost.as_deref(),
            retry_after_seconds = line.retry_after.map(|wait| wait.as_secs()),
            user_agent = user_agent.as_deref(),
            detail = line.detail.as_deref(),
        );
        if let Some(keeper) = &self.queue {
            keeper.enqueue(QueuedEvent { at: keeper.now(), fields: line, address, user_agent });
        }
    }
}
