use serde::Serialize;

use crate::domain::{Member, SessionId, Timestamp};
use crate::factors::EnrolledFactors;
use crate::sessions::Session;

use super::auth::Notice;
use super::device::describe_device;
use super::factors::FactorChangeView;
use super::tokens::TokensView;

/// The view of a member's own account.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AccountView {
    /// The notice about what they have just done.
    notice: Option<Notice>,
    /// Whether their password can be changed here.
    can_change_password: bool,
    /// When it expires, where the directory tells.
    password_expires_ms: Option<Timestamp>,
    /// How many second factors they have.
    factor_count: usize,
    /// The last change to them.
    last_factor_change: Option<FactorChangeView>,
    person: PersonView,
    sessions: Vec<SessionView>,
    api_tokens: TokensView,
}

#[derive(Debug, Serialize)]
struct PersonView {
    display_name: String,
    username: String,
    principal: Option<String>,
    groups: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SessionView {
    id: SessionId,
    current: bool,
    since_ms: Timestamp,
    last_seen_ms: Timestamp,
    address: Option<String>,
    device: String,
}

impl AccountView {
    pub(in crate::web) fn of(
        member: &Member,
        sessions: &[Session],
        notice: Option<Notice>,
        can_change_password: bool,
        enrolled: &EnrolledFactors,
        api_tokens: TokensView,
    ) -> Self {
        let person = &member.person;
        let mut groups: Vec<_> = person.groups.iter().map(|group| person.realm.qualify(&group.name)).collect();
        groups.sort();
        let view = |session: &Session| SessionView {
            id: session.id,
            current: Some(session.id) == member.session(),
            since_ms: session.created_at,
            last_seen_ms: session.last_seen_at,
            address: session.client.address().map(|address| address.to_string()),
            device: describe_device(session.client.user_agent()),
        };
        Self {
            notice,
            can_change_password,
            factor_count: usize::from(enrolled.app.is_some()) + enrolled.passkeys.len(),
            last_factor_change: FactorChangeView::of(enrolled),
            // One that must be changed at once expired before everything.
            password_expires_ms: person.password_expires.filter(|expires| expires.as_millis() > 0),
            person: PersonView {
                display_name: person.display_name.clone(),
                username: person.qualified_name(),
                principal: person.principal.as_ref().map(ToString::to_string),
                groups,
            },
            sessions: sessions.iter().map(view).collect(),
            api_tokens,
        }
    }
}
