use std::ops::ControlFlow;

use ldap3::Scope;

use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, Operation, OperationFault, OperationKind, SearchRequest, SearchResult,
    Unreachable, result_code,
};

/// The name of these operations in the log.
pub(super) const OPERATION_NAME: &str = "refresh";

/// A search with the service identity, on any server that answers.
#[derive(Clone, Debug)]
pub(super) struct ServiceSearch {
    pub(super) base: SearchBase,
    pub(super) filter: String,
    pub(super) attributes: Vec<&'static str>,
    /// More attributes, by names from the settings.
    pub(super) extra_attributes: Vec<String>,
    pub(super) limit: u16,
}

/// The base and scope of a search.
#[derive(Clone, Debug)]
pub(super) enum SearchBase {
    /// Everything below this DN.
    Subtree(String),
    /// This very entry, which need not be there.
    Entry(String),
}

impl LdapDirectory {
    /// The directory's profile, asked of a server unless it is known.
    pub(super) async fn profile_for_refresh(&self) -> Result<&DirectoryProfile, Unreachable> {
        let mut operation = self.begin_operation(OPERATION_NAME);
        let profile = self.profile(&mut operation).await;
        operation.finish_or_unreachable(profile)
    }

    /// Runs one search. Each is an operation of its own: none is long, and a server that fails in between is replaced.
    pub(super) async fn service_search(&self, search: ServiceSearch) -> Result<SearchResult, Unreachable> {
        let mut operation = self.begin_operation(OPERATION_NAME);
        let answer = self.try_service_search(&mut operation, &search).await;
        operation.finish_or_unreachable(answer)
    }

    async fn try_service_search(
        &self,
        operation: &mut Operation,
        search: &ServiceSearch,
    ) -> Result<SearchResult, OperationFault> {
        loop {
            let mut service = operation.acquire(&self.search_pool).await?;
            let answer = search.run_on(&mut service).await;
            if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }
}

impl ServiceSearch {
    async fn run_on(&self, connection: &mut LdapConnection) -> Result<SearchResult, OperationFault> {
        let attributes: Vec<&str> =
            self.attributes.iter().copied().chain(self.extra_attributes.iter().map(String::as_str)).collect();
        let (base, scope) = match &self.base {
            SearchBase::Subtree(base) => (base, Scope::Subtree),
            SearchBase::Entry(dn) => (dn, Scope::Base),
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

/// The error for an answer that the server cut short.
pub(super) fn truncated_answer(what: &str) -> Unreachable {
    let reason = format!("the server sent only some of {what}: raise its size limit for the account bind_name");
    tracing::warn!(reason, "what became of some people cannot be said");
    Unreachable { reason, password_sent: false }
}
