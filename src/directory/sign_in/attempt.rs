use std::ops::ControlFlow;

use ldap3::Scope;

use super::bind_gate::BindCandidate;
use super::find_person::{advise_service_account, read_own_token};
use super::single_use_password::SingleUsePassword;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryProfile, DirectoryRefusal, LdapConnection, Operation, OperationFault, OperationKind, PooledConnection,
    SearchRequest,
};
use crate::directory::people::removal::{self, removal_reason};
use crate::directory::people::{RemovalReason, TruncatedAnswers, bind_name, person};
use crate::directory::schema::LdapEntry;
use crate::domain::{Groups, Person, Username};

impl LdapDirectory {
    /// Runs a sign-in. Searches are tried on another server when one fails; the bind never is.
    pub(in crate::directory) async fn try_sign_in(
        &self,
        operation: &mut Operation,
        username: &Username,
        bind: &mut SingleUsePassword<'_>,
    ) -> Result<Person, OperationFault> {
        let profile = self.profile(operation).await?;
        let (entry, groups) = match (&self.settings.service_account, &profile.domain) {
            (Some(_), _) => self.search_then_bind(operation, profile, username, bind).await?,
            (None, Some(domain)) => self.bind_then_read(operation, profile, domain, username, bind).await?,
            (None, None) => self.anonymous_search_then_bind(operation, profile, username, bind).await?,
        };
        let mut person = person::from_entry(profile.kind(), &self.realm(), &entry, self.short_name(username), groups);
        if let Some(left) = bind.expires_in {
            person.password_expires = Some(self.clock.now() + left);
        }
        Ok(person)
    }

    /// Signs in with a service account: it finds the one person, who then proves the password on a connection of their
    /// own, and it reads their groups.
    async fn search_then_bind(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        bind: &mut SingleUsePassword<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let (entry, candidate, _) = self.find_person(operation, profile, username).await?;
        drop(self.prove_password(operation, profile, &entry, &candidate, bind).await?);
        self.refuse_removed(&entry)?;
        // The password was right; if a server fails now, another can still say what groups there are.
        loop {
            let mut service = operation.acquire(&self.search_pool).await?;
            let groups = self.read_groups(profile, &mut service, &entry, username).await;
            if let ControlFlow::Break(groups) = operation.finish_attempt(groups, &service) {
                return Ok((entry, groups?));
            }
        }
    }

    /// Binds as the person found, on a connection for nothing else, which is handed back with the bind.
    async fn prove_password(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        found: &LdapEntry,
        candidate: &BindCandidate,
        bind: &mut SingleUsePassword<'_>,
    ) -> Result<PooledConnection, OperationFault> {
        let mut own = operation.acquire(&self.bind_pool).await?;
        let judged = bind.bind(profile, &mut own, &found.dn, Some(candidate)).await;
        operation.record_result(judged, &own)?;
        Ok(own)
    }

    /// Signs in on Active Directory without a service account: the person binds by name and reads their own entry.
    async fn bind_then_read(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        domain: &AdDomain,
        username: &Username,
        bind: &mut SingleUsePassword<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let name = bind_name(domain, username)?;
        let mut own = operation.acquire(&self.bind_pool).await?;
        let asked = async {
            bind.bind(profile, &mut own, &name, None).await?;
            self.refuse_foreign_domain(domain, &mut own, username).await?;
            let token = read_own_token(&mut own).await?;
            let entry = self.find_unique_entry(profile, &mut own, username, &token).await?;
            self.refuse_removed(&entry)?;
            let groups = self.read_groups(profile, &mut own, &entry, username).await?;
            self.learn_policy(domain, &mut own, &entry, bind).await;
            Ok((entry, groups))
        };
        let answer = asked.await;
        operation.record_result(answer, &own)
    }

    /// Signs in on another server without a service account: an anonymous search finds the one person, who proves the
    /// password and reads the rest, as strangers may often see names but not memberships.
    async fn anonymous_search_then_bind(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        bind: &mut SingleUsePassword<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let (visible, candidate, _) = self.find_person(operation, profile, username).await.map_err(advise_service_account)?;
        let mut own = self.prove_password(operation, profile, &visible, &candidate, bind).await?;
        let answer = self.read_own_entry(profile, &mut own, &visible, username).await;
        operation.record_result(answer.map_err(advise_service_account), &own)
    }

    async fn read_own_entry(
        &self,
        profile: &DirectoryProfile,
        own: &mut LdapConnection,
        visible: &LdapEntry,
        username: &Username,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let search = SearchRequest {
            base: &visible.dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: &[person::ATTRIBUTES, removal::ATTRIBUTES].concat(),
            limit: 1,
        };
        let found = own.search(OperationKind::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else {
            let unseen = || OperationFault::unreachable(OperationKind::Search, "people may not read themselves");
            return Err(found
                .truncated
                .map_or_else(unseen, |truncation| truncation.into_fault("people cannot read themselves")));
        };
        self.refuse_removed(&entry)?;
        let groups = self.read_groups(profile, own, &entry, username).await?;
        Ok((entry, groups))
    }

    async fn read_groups(
        &self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        entry: &LdapEntry,
        username: &Username,
    ) -> Result<Groups, OperationFault> {
        let known = (entry, self.short_name(username));
        self.resolve_groups(connection, profile, known, TruncatedAnswers::Accept).await
    }

    /// Refuses whose account may not be signed in now, as a refresh would find a moment later: many servers take the password
    /// of one that is closed or over, or were asked before they had heard.
    fn refuse_removed(&self, entry: &LdapEntry) -> Result<(), OperationFault> {
        let refusal = match removal_reason(entry, self.clock.now()) {
            None => return Ok(()),
            Some(RemovalReason::Disabled) => DirectoryRefusal::Disabled,
            Some(RemovalReason::AccountExpired) => DirectoryRefusal::AccountExpired,
            Some(RemovalReason::NotAtThisHour) => DirectoryRefusal::NotAtThisHour,
            Some(RemovalReason::NotFound) => DirectoryRefusal::WrongCredentials,
        };
        Err(OperationFault::refused(OperationKind::Search, refusal))
    }
}
