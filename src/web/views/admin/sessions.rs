use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use super::paging::Paging;
use crate::domain::{Member, SessionId, Timestamp};
use crate::sessions::{Session, SessionFilter, SessionList};
use crate::web::links::Link;
use crate::web::views::device::describe_device;
use crate::web::views::{Notice, Tone};

/// The path of the list.
const LIST: &str = "admin/sessions";

/// The view of everybody's sessions.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminSessionsView {
    navigation: Vec<AdminNavItem>,
    notice: Option<Notice>,
    form: SessionsForm,
    /// How many sessions there are in all.
    count: u64,
    is_searched: bool,
    sessions: Vec<SessionRow>,
    paging: Paging,
}

/// The fields of the search form.
#[derive(Debug, Default, Serialize)]
pub(in crate::web) struct SessionsForm {
    pub(in crate::web) name: String,
    pub(in crate::web) address: String,
}

#[derive(Debug, Serialize)]
struct SessionRow {
    id: SessionId,
    person_id: String,
    name: String,
    username: String,
    current: bool,
    since_ms: Timestamp,
    last_seen_ms: Timestamp,
    address: Option<String>,
    device: String,
    /// How many boards are live in it.
    boards: usize,
}

impl SessionsForm {
    /// Parses the filter; or the notice about what is wrong with it.
    pub(in crate::web) fn filter(&self) -> Result<SessionFilter, Notice> {
        let non_empty = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let address = non_empty(&self.address).map(|text| text.parse()).transpose();
        let address = address.map_err(|_| {
            let text = "The address is not one: write 192.0.2.7 or 2001:db8::7.";
            Notice { tone: Tone::Warn, text: text.to_owned() }
        })?;
        Ok(SessionFilter { name: non_empty(&self.name), address })
    }

    fn is_empty(&self) -> bool {
        self.name.trim().is_empty() && self.address.trim().is_empty()
    }

    fn older_link(&self, after: SessionId) -> Link {
        Link::to(LIST).with("name", &self.name).with("address", &self.address).with("after", after)
    }
}

impl AdminSessionsView {
    pub(in crate::web) fn of(
        form: SessionsForm,
        listed: &SessionList,
        is_continued: bool,
        admin: &Member,
        boards: impl Fn(SessionId) -> usize,
        count: u64,
        notice: Option<Notice>,
    ) -> Self {
        let row = |session: &Session| SessionRow {
            id: session.id,
            person_id: session.person.id.to_string(),
            name: session.person.display_name.clone(),
            username: session.person.qualified_name(),
            current: Some(session.id) == admin.session(),
            since_ms: session.created_at,
            last_seen_ms: session.last_seen_at,
            address: session.client.address().map(|address| address.to_string()),
            device: describe_device(session.client.user_agent()),
            boards: boards(session.id),
        };
        Self {
            navigation: AdminPage::Sessions.navigation(),
            notice,
            count,
            is_searched: !form.is_empty(),
            sessions: listed.sessions.iter().map(row).collect(),
            paging: Paging::of(Link::to(LIST), is_continued, listed.next_after.map(|last| form.older_link(last))),
            form,
        }
    }
}
