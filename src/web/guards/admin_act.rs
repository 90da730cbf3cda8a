use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};

use super::{Administrator, RecentlyAuthenticated};
use crate::audit::{Audit, AuditEvent};
use crate::domain::{Client, Member};
use crate::web::AppState;

/// An act of an administrator: the member, who has just proved that it is they, their client, and the audit that is
/// to hear of it. Every handler that changes something for others asks for this.
pub(in crate::web) struct AdminAct<'r> {
    pub(in crate::web) admin: Member,
    pub(in crate::web) client: Client,
    audit: &'r Audit,
}

impl AdminAct<'_> {
    /// Records in the audit what the administrator does, in the past tense: `revoked API token 7`.
    pub(in crate::web) fn audit(&self, what: &str) {
        self.record(&AuditEvent::AdminActed { admin: &self.admin, what });
    }

    /// Records an event of a kind of its own.
    pub(in crate::web) fn record(&self, event: &AuditEvent<'_>) {
        self.audit.record(&self.client, event);
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AdminAct<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let Administrator(admin) = try_outcome!(request.guard::<Administrator>().await);
        let RecentlyAuthenticated { client, .. } = try_outcome!(request.guard::<RecentlyAuthenticated>().await);
        Outcome::Success(Self { admin, client, audit: AppState::of(request).auth.audit() })
    }
}
