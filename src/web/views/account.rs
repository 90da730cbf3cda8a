use serde::Serialize;

use crate::domain::{Member, Timestamp};
use crate::sessions::Session;

use super::device::device;

/// One's own account.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AccountView {
    person: PersonView,
    sessions: Vec<SessionView>,
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
    current: bool,
    since_ms: Timestamp,
    last_seen_ms: Timestamp,
    address: Option<String>,
    device: String,
}

impl AccountView {
    pub(in crate::web) fn of(member: &Member, sessions: &[Session]) -> Self {
        let person = &member.person;
        let mut groups: Vec<_> = person.groups.iter().map(|group| person.qualified(&group.name)).collect();
        groups.sort();
        let view = |session: &Session| SessionView {
            current: session.id == member.session,
            since_ms: session.created_at,
            last_seen_ms: session.last_seen_at,
            address: session.client.address().map(|address| address.to_string()),
            device: device(session.client.user_agent()),
        };
        Self {
            person: PersonView {
                display_name: person.display_name.clone(),
                username: person.qualified_name(),
                principal: person.principal.clone(),
                groups,
            },
            sessions: sessions.iter().map(view).collect(),
        }
    }
}
