use super::AuditEvent;
use super::fields::{AuditFields, EVENTS};
use super::log_line::log;
use super::queue::AuditQueue;
use super::sanitize::sanitize;
use crate::domain::Client;

/// The audit: writes events to the program's log, and to the store where there is one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    queue: Option<AuditQueue>,
}

impl Audit {
    /// An audit that writes to the program's log alone, every event as a line.
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
        let user_agent = client.user_agent().map(sanitize);
        if let Some(queue) = &self.queue {
            queue.record(fields, client.address(), user_agent);
        } else {
            let address = client.address().map(|address| address.to_string());
            log(&fields, address.as_deref(), user_agent.as_deref(), None);
        }
    }
}
