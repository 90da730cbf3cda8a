use super::Event;
use super::keeper::{Keeper, Noted};
use super::line::{EVENTS, Line};
use super::plain::plain;
use crate::domain::{Client, SessionId, TokenId};

/// The `tracing` target of every line of the audit.
pub const TARGET: &str = "audit";

/// Writes the audit: into the program's log, and into the store where there is one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    keeper: Option<Keeper>,
}

impl Audit {
    /// An audit that writes to the program's log alone.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn kept_by(keeper: Keeper) -> Self {
        Self { keeper: Some(keeper) }
    }

    /// Writes down what happened, from where. Waits for nothing: the store's writer has a queue.
    pub fn record(&self, client: &Client, event: &Event<'_>) {
        let line = Line::of(event);
        debug_assert!(EVENTS.contains(&line.event), "{} is not among the events' words", line.event);
        let address = client.address().map(|address| address.to_string());
        let user_agent = client.user_agent().map(plain);
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
        if let Some(keeper) = &self.keeper {
            keeper.keep(Noted { at: keeper.now(), line, address, user_agent });
        }
    }
}
