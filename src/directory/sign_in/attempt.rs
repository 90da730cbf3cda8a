use std::ops::ControlFlow;

use ldap3::Scope;

use super::find_person::{ask_for_an_account, own_token};
use super::leave::Candidate;
use super::one_bind::OneBind;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryProfile, DirectoryRefusal, LdapConnection, Operation, OperationFault, OperationKind,
    PooledConnection, SearchRequest,
};
use crate::directory::people::{Climber, bind_name, climb, person, token_groups};
use crate::directory::schema::LdapEntry;
use crate::domain::{Groups, Person, Username};

impl LdapDirectory {
    /// The whole sign-in. What can be asked again is asked of another server when one fails; the bind never is.
    pub(in crate::directory) async fn try_sign_in(
        &self,
        inquiry: &mut Operation,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<Person, OperationFault> {
        let profile = self.find_out(inquiry).await?;
        let (entry, groups) = match (&self.settings.service_account, &profile.domain) {
            (Some(_), _) => self.search_then_bind(inquiry, profile, username, bind).await?,
            (None, Some(domain)) => self.bind_then_read(inquiry, profile, domain, username, bind).await?,
            (None, None) => self.ask_then_bind(inquiry, profile, username, bind).await?,
        };
        let mut person = person::describe(profile.kind(), self.name(), &entry, self.short_name(username), groups);
        if let Some(left) = bind.expires_in {
            person.password_expires = Some(self.clock.now() + left);
        }
        Ok(person)
    }

    /// With a service account: it finds the one person, who then proves the password on a connection of their own,
    /// and it reads their groups.
    async fn search_then_bind(
        &self,
        inquiry: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let (entry, who, _) = self.find_person(inquiry, profile, username).await?;
        drop(self.prove(inquiry, profile, &entry, &who, bind).await?);
        refuse_disabled(&entry)?;
        // The password was right; if a server fails now, another can still say what groups there are.
        loop {
            let mut service = inquiry.acquire(&self.searching).await?;
            let groups = self.groups(profile, &mut service, &entry, username).await;
            if let ControlFlow::Break(groups) = inquiry.finish_attempt(groups, &service) {
                return Ok((entry, groups?));
            }
        }
    }

    /// Binds as the person found, on a connection for nothing else, which is handed back with the bind.
    async fn prove(
        &self,
        inquiry: &mut Operation,
        profile: &DirectoryProfile,
        found: &LdapEntry,
        who: &Candidate,
        bind: &mut OneBind<'_>,
    ) -> Result<PooledConnection, OperationFault> {
        let mut own = inquiry.acquire(&self.proving).await?;
        let judged = bind.spend(profile, &mut own, &found.dn, Some(who)).await;
        inquiry.record_result(judged, &own)?;
        Ok(own)
    }

    /// Active Directory without a service account: the person binds by name and reads their own entry.
    async fn bind_then_read(
        &self,
        inquiry: &mut Operation,
        profile: &DirectoryProfile,
        domain: &AdDomain,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let name = bind_name(domain, username)?;
        let mut own = inquiry.acquire(&self.proving).await?;
        let asked = async {
            bind.spend(profile, &mut own, &name, None).await?;
            self.refuse_foreign_domain(domain, &mut own, username).await?;
            let token = own_token(&mut own).await?;
            let entry = self.find_one(profile, &mut own, username, &token).await?;
            refuse_disabled(&entry)?;
            let groups = self.groups(profile, &mut own, &entry, username).await?;
            self.note_domain_policy(domain, &mut own).await;
            Ok((entry, groups))
        };
        let answer = asked.await;
        inquiry.record_result(answer, &own)
    }

    /// Another server without a service account: an anonymous search finds the one person, who proves the password
    /// and reads the rest, as strangers may often see names but not memberships.
    async fn ask_then_bind(
        &self,
        inquiry: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let (shown, who, _) = self.find_person(inquiry, profile, username).await.map_err(ask_for_an_account)?;
        let mut own = self.prove(inquiry, profile, &shown, &who, bind).await?;
        let answer = self.read_oneself(profile, &mut own, &shown, username).await;
        inquiry.record_result(answer.map_err(ask_for_an_account), &own)
    }

    async fn read_oneself(
        &self,
        profile: &DirectoryProfile,
        own: &mut LdapConnection,
        shown: &LdapEntry,
        username: &Username,
    ) -> Result<(LdapEntry, Groups), OperationFault> {
        let search = SearchRequest {
            base: &shown.dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: person::ATTRIBUTES,
            limit: 1,
        };
        let found = own.search(OperationKind::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else {
            return Err(OperationFault::unreachable(OperationKind::Search, "people may not read themselves"));
        };
        let groups = self.groups(profile, own, &entry, username).await?;
        Ok((entry, groups))
    }

    async fn groups(
        &self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        entry: &LdapEntry,
        username: &Username,
    ) -> Result<Groups, OperationFault> {
        if let Some(domain) = &profile.domain {
            return token_groups(connection, domain, &self.group_names, &*self.clock, &entry.dn).await;
        }
        let climber = Climber { base_dn: &profile.base_dn, template: self.settings.group_filter.as_deref() };
        climb(connection, &climber, entry, person::uid(entry, self.short_name(username))).await
    }
}

fn refuse_disabled(entry: &LdapEntry) -> Result<(), OperationFault> {
    if person::is_disabled(entry) {
        return Err(OperationFault::refused(OperationKind::Search, DirectoryRefusal::Disabled));
    }
    Ok(())
}
