use std::ops::ControlFlow;

use futures::future::join_all;
use ldap3::Scope;

use super::server_status::ServerStatus;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    DirectoryProfile, DirectoryServer, LdapConnection, Operation, OperationFault, OperationKind, SearchRequest, Unreachable,
};

impl LdapDirectory {
    /// Checks the service account, where there is one, by one real search: whether the base DN is there. A server may
    /// answer strangers and refuse the account all the same.
    ///
    /// # Errors
    /// [`Unreachable`], when the account may not bind, or does not see where people are looked for.
    pub async fn check_service_account(&self) -> Result<(), Unreachable> {
        if !self.has_service_account() {
            return Ok(());
        }
        let mut operation = self.begin_operation("base-dn");
        let answer = self.check_base_dn(&mut operation).await;
        operation.finish_or_unreachable(answer)
    }

    async fn check_base_dn(&self, operation: &mut Operation) -> Result<(), OperationFault> {
        let profile = self.profile(operation).await?;
        loop {
            let mut service = operation.acquire(&self.search_pool).await?;
            let answer = check_base_dn_on(&mut service, profile).await;
            if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }

    /// Probes every known server, all at the same time, and gives those that do not answer.
    pub async fn unreachable_servers(&self) -> Vec<ServerStatus> {
        let known = self.servers.known();
        // A probe has its deadline, and leaves with the server what came of it.
        join_all(known.iter().map(DirectoryServer::probe)).await;
        self.server_statuses().into_iter().filter(|server| server.outage.is_some()).collect()
    }
}

async fn check_base_dn_on(service: &mut LdapConnection, profile: &DirectoryProfile) -> Result<(), OperationFault> {
    let base = &profile.base_dn;
    let search = SearchRequest { base, scope: Scope::Base, filter: "(objectClass=*)", attributes: &["1.1"], limit: 1 };
    let found = service.search(OperationKind::Search, &search).await?;
    if found.entries.is_empty() {
        return Err(OperationFault::unreachable(
            OperationKind::Search,
            format!("the account bind_name sees nothing at {base}"),
        ));
    }
    Ok(())
}
