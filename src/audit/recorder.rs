use super::AuditEvent;
use super::fields::{AuditFields, EVENTS};
use super::queue::AuditQueue;
use super::sanitize::sanitize;
use super::store::AuditEntry;
use crate::domain::{Client, TokenId};

/// The `tracing` target of every audit event.
pub const TARGET: &str = "audit";

/// The audit: writes events to the program's log, and to the store where there is one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    queue: Option<AuditQueue>,
}

impl Audit {
    /// An audit that writes to the program's log alone.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn with_queue(queue: AuditQueue) -> Self {
        Self { queue: Some(queue) }
    }

    /// Records an event of `client`. It never waits: the store's writer has a queue.
    pub fn record(&self, client: &Client, event: &AuditEvent<'_>) {
        let fields = AuditFields::from_event(event);
        debug_assert!(EVENTS.contains(&fields.event), "{} is not among the events' words", fields.event);
        let address = client.address().map(|address| address.to_string());
        let user_agent = client.user_agent().map(sanitize);
        let session = fields.session.map(|id| id.to_string());
        // A field that is `None` is left out of the line. Texts are given as `str`, which every format quotes.
        tracing::info!(
            target: TARGET,
            event = fields.event,
            result = fields.result,
            who = fields.who.as_deref(),
            person = fields.person.as_deref(),
            address = address.as_deref(),
            session = session.as_deref(),
            token = fields.token.map(TokenId::as_i64),
            page = fields.page.as_deref(),
            reason = fields.reason,
            directory_code = fields.directory_code,
            factor = fields.factor,
            gained = fields.gained.as_deref(),
            lost = fields.lost.as_deref(),
            retry_after_seconds = fields.retry_after.map(|wait| wait.as_secs()),
            user_agent = user_agent.as_deref(),
            detail = fields.detail.as_deref(),
        );
        if let Some(queue) = &self.queue {
            queue.enqueue(AuditEntry { at: queue.now(), fields, address, user_agent });
        }
    }
}
