use std::ops::ControlFlow;

use ldap3::Scope;

use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, Operation, OperationFault, OperationKind, SearchRequest, SearchResult,
    Unreachable, result_code,
};

/// What these questions are called in the log.
pub(super) const ASKED: &str = "refresh";

/// One search with the service identity, on any server that answers.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) within: Within,
    pub(super) filter: String,
    pub(super) attributes: Vec<&'static str>,
    /// Further attributes, by names from the settings.
    pub(super) further: Vec<String>,
    pub(super) limit: u16,
}

/// Where to look.
#[derive(Clone, Debug)]
pub(super) enum Within {
    /// Everywhere below this name.
    Below(String),
    /// At this very entry, which need not be there.
    Entry(String),
}

impl LdapDirectory {
    /// What the directory is, asked of it if nobody has found out before.
    pub(super) async fn asked_profile(&self) -> Result<&DirectoryProfile, Unreachable> {
        let mut inquiry = self.begin_operation(ASKED);
        let profile = self.find_out(&mut inquiry).await;
        inquiry.finish_or_unreachable(profile)
    }

    /// Looks once. Each look is a question of its own: none is long, and a server that fails in between is replaced.
    pub(super) async fn look(&self, look: Look) -> Result<SearchResult, Unreachable> {
        let mut inquiry = self.begin_operation(ASKED);
        let answer = self.look_until_answered(&mut inquiry, &look).await;
        inquiry.finish_or_unreachable(answer)
    }

    async fn look_until_answered(&self, inquiry: &mut Operation, look: &Look) -> Result<SearchResult, OperationFault> {
        loop {
            let mut service = inquiry.acquire(&self.search_pool).await?;
            let answer = look.through(&mut service).await;
            if let ControlFlow::Break(answer) = inquiry.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }
}

impl Look {
    async fn through(&self, connection: &mut LdapConnection) -> Result<SearchResult, OperationFault> {
        let attributes: Vec<&str> =
            self.attributes.iter().copied().chain(self.further.iter().map(String::as_str)).collect();
        let (base, scope) = match &self.within {
            Within::Below(base) => (base, Scope::Subtree),
            Within::Entry(dn) => (dn, Scope::Base),
        };
        let search = SearchRequest { base, scope, filter: &self.filter, attributes: &attributes, limit: self.limit };
        match connection.search(OperationKind::Search, &search).await {
            Err(fault) if scope == Scope::Base && fault.result_code == Some(result_code::NO_SUCH_OBJECT) => {
                Ok(SearchResult { entries: Vec::new(), truncated: false })
            }
            found => found,
        }
    }
}

/// What is said of an answer that the server cut short.
pub(super) fn cut_short(what: &str) -> Unreachable {
    let reason = format!("the server sent only some of {what}: raise its size limit for the account bind_name");
    tracing::warn!(reason, "what became of some people cannot be said");
    Unreachable { reason, password_sent: false }
}
