use super::export::rfc3339;
use super::fields::AuditFields;
use super::store::AuditEntry;
use crate::domain::{Timestamp, TokenId};

/// The `tracing` target of every audit event.
pub const TARGET: &str = "audit";

impl AuditEntry {
    /// Writes it to the program's log; one that was repeated with how often, and when it was first and last.
    pub(super) fn log(&self, repeated: Option<(u64, Timestamp, Timestamp)>) {
        log(&self.fields, self.address.as_deref(), self.user_agent.as_deref(), repeated);
    }
}

/// Writes an event to the program's log; one that was repeated with how often, and when it was first and last.
pub(super) fn log(
    fields: &AuditFields,
    address: Option<&str>,
    user_agent: Option<&str>,
    repeated: Option<(u64, Timestamp, Timestamp)>,
) {
    let session = fields.session.map(|id| id.to_string());
    let (first_at, last_at) = repeated.map(|(_, first, last)| (rfc3339(first), rfc3339(last))).unzip();
    // A field that is `None` is left out of the line. Texts are given as `str`, which every format quotes.
    tracing::info!(
        target: TARGET,
        event = fields.event,
        result = fields.result,
        who = fields.who.as_deref(),
        realm = fields.realm.as_deref(),
        account = fields.account.as_deref(),
        person = fields.person.as_deref(),
        address,
        session = session.as_deref(),
        token = fields.token.map(TokenId::as_i64),
        page = fields.page.as_deref(),
        reason = fields.reason,
        directory_code = fields.directory_code,
        factor = fields.factor,
        gained = fields.gained.as_deref(),
        lost = fields.lost.as_deref(),
        retry_after_seconds = fields.retry_after.map(|wait| wait.as_secs()),
        user_agent,
        detail = fields.detail.as_deref(),
        count = repeated.map(|(count, ..)| count),
        first_at = first_at.as_deref(),
        last_at = last_at.as_deref(),
    );
}
