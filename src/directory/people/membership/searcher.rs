use std::future::Future;

use crate::directory::connection::{LdapConnection, OperationFault, OperationKind, SearchRequest, SearchResult};

/// A runner of the resolver's searches: one connection, or any server that answers.
pub(in crate::directory) trait MembershipSearcher: Send {
    /// The error of a search.
    type Error: Send;

    /// Runs one search.
    fn run(&mut self, request: &SearchRequest<'_>) -> impl Future<Output = Result<SearchResult, Self::Error>> + Send;
}

impl MembershipSearcher for LdapConnection {
    type Error = OperationFault;

    async fn run(&mut self, request: &SearchRequest<'_>) -> Result<SearchResult, OperationFault> {
        self.search(OperationKind::Search, request).await
    }
}
