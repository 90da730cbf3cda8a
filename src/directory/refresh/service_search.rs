use std::ops::ControlFlow;

use ldap3::Scope;

use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    DirectoryProfile, Operation, OperationFault, OperationKind, SearchRequest, SearchResult, Unreachable, result_code,
};
use crate::directory::people::MembershipSearcher;

/// The name of these operations in the log.
pub(super) const OPERATION_NAME: &str = "refresh";

impl LdapDirectory {
    /// The directory's profile, asked of a server unless it is known.
    pub(super) async fn profile_for_refresh(&self) -> Result<&DirectoryProfile, Unreachable> {
        let mut operation = self.begin_operation(OPERATION_NAME);
        let profile = self.profile(&mut operation).await;
        operation.finish_or_unreachable(profile)
    }

    async fn try_service_search(
        &self,
        operation: &mut Operation,
        request: &SearchRequest<'_>,
    ) -> Result<SearchResult, OperationFault> {
        loop {
            let mut service = operation.acquire(&self.search_pool).await?;
            let answer = match service.search(OperationKind::Search, request).await {
                // An entry that is looked for by its name need not be there.
                Err(fault) if request.scope == Scope::Base && fault.result_code == Some(result_code::NO_SUCH_OBJECT) => {
                    Ok(SearchResult::default())
                }
                found => found,
            };
            if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }
}

/// Runs each search with the service identity, as an operation of its own: none is long, and a server that fails in
/// between is replaced.
pub(super) struct ServiceSearcher<'a>(pub(super) &'a LdapDirectory);

impl MembershipSearcher for ServiceSearcher<'_> {
    type Error = Unreachable;

    async fn run(&mut self, request: &SearchRequest<'_>) -> Result<SearchResult, Unreachable> {
        let mut operation = self.0.begin_operation(OPERATION_NAME);
        let answer = self.0.try_service_search(&mut operation, request).await;
        operation.finish_or_unreachable(answer)
    }
}
