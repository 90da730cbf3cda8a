use std::ops::ControlFlow;

use ldap3::Scope;

use super::bind_gate::BindCandidate;
use super::lockout;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    DirectoryProfile, DirectoryRefusal, LdapConnection, Operation, OperationFault, OperationKind, PooledConnection,
    SearchRequest, SearchResult, Truncation,
};
use crate::directory::people::compat_tree::leave_out_copies;
use crate::directory::people::{person, removal};
use crate::directory::schema::{LdapEntry, Sid};
use crate::domain::Username;

/// The most entries of one name that are told apart, and told to the log.
const MAX_NAMESAKES: u16 = 5;

impl LdapDirectory {
    /// Finds the one person `username` names, with the service identity, or with none: their entry, the bind's
    /// candidate, and the connection on which they were found.
    pub(in crate::directory) async fn find_person(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
    ) -> Result<(LdapEntry, BindCandidate, PooledConnection), OperationFault> {
        loop {
            let mut searching = operation.acquire(&self.search_pool).await?;
            let answer = self.find_person_on(&mut searching, profile, username).await;
            if let ControlFlow::Break(found) = operation.finish_attempt(answer, &searching) {
                let (entry, candidate) = found?;
                return Ok((entry, candidate, searching));
            }
        }
    }

    async fn find_person_on(
        &self,
        searching: &mut LdapConnection,
        profile: &DirectoryProfile,
        username: &Username,
    ) -> Result<(LdapEntry, BindCandidate), OperationFault> {
        if let Some(domain) = &profile.domain {
            self.refuse_foreign_domain(domain, searching, username).await?;
        }
        let entry = self.find_unique_entry(profile, searching, username, &[]).await?;
        if profile.domain.is_none() && !self.is_found_by_uid(&entry, username) {
            self.refuse_shared_uid(profile, searching, &entry, username).await?;
        }
        let candidate = self.bind_candidate(profile, searching, &entry).await?;
        Ok((entry, candidate))
    }

    /// The one entry that `username` names; where the `token` of the account that was bound is known, the one that
    /// is that account. None and several look alike, and grant nothing.
    pub(in crate::directory) async fn find_unique_entry(
        &self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        username: &Username,
        token: &[Sid],
    ) -> Result<LdapEntry, OperationFault> {
        let filter = person::name_filter(profile, &self.name_settings(), username);
        let search = SearchRequest {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &[person::ATTRIBUTES, removal::ATTRIBUTES, lockout::ATTRIBUTES].concat(),
            limit: MAX_NAMESAKES,
        };
        let SearchResult { mut entries, truncated } = connection.search(OperationKind::Search, &search).await?;
        if let Some(truncation) = truncated.filter(|truncation| *truncation != Truncation::Limit) {
            return Err(truncation.into_fault("whose name it is cannot be said"));
        }
        entries.retain(|entry| is_bound_account(entry, token));
        leave_out_copies(&mut entries, &profile.base_dn);
        match <[LdapEntry; 1]>::try_from(entries) {
            Ok([entry]) if truncated.is_none() && !entry.dn.is_empty() => Ok(entry),
            Ok(entries) => Err(self.refuse_not_one(profile, &entries)),
            Err(entries) => Err(self.refuse_not_one(profile, &entries)),
        }
    }

    /// The refusal of a name that is not exactly one person's. Only the log hears why.
    fn refuse_not_one(&self, profile: &DirectoryProfile, entries: &[LdapEntry]) -> OperationFault {
        let base_dn = &profile.base_dn;
        let filter = if self.settings.person_filter.is_some() { "person_filter" } else { "the default filter for people" };
        let cause = if entries.is_empty() {
            format!(
                "nobody of that name passes {filter} below {base_dn}: `belvedere doctor --user NAME` says whether somebody is \
                 elsewhere"
            )
        } else {
            let dns = entries.iter().map(|entry| entry.dn.as_str()).collect::<Vec<_>>().join("; ");
            format!("{} or more entries below {base_dn} have that name, so it is nobody's: {dns}", entries.len())
        };
        OperationFault::refused(OperationKind::Search, DirectoryRefusal::WrongCredentials).with_cause(cause)
    }
}

impl LdapDirectory {
    /// Whether the search for `username` was one for the `uid` of the entry that it found.
    fn is_found_by_uid(&self, entry: &LdapEntry, username: &Username) -> bool {
        let typed = self.short_name(username);
        self.settings.person_filter.is_none() && person::uid(entry, typed).to_lowercase() == typed.to_lowercase()
    }

    /// Refuses an entry with a `uid` that another has, too: outside Active Directory nothing but the tree makes one unique, and pages
    /// name people by it.
    async fn refuse_shared_uid(
        &self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        entry: &LdapEntry,
        username: &Username,
    ) -> Result<(), OperationFault> {
        let uid = person::uid(entry, self.short_name(username));
        let filter = person::uid_filter(uid);
        let search = SearchRequest {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: person::NO_ATTRIBUTES,
            limit: MAX_NAMESAKES,
        };
        let mut entries = connection.search(OperationKind::Search, &search).await?.entries;
        leave_out_copies(&mut entries, &profile.base_dn);
        if entries.len() < 2 {
            return Ok(());
        }
        person::warn_of_shared_uid(uid, &entry.dn);
        Err(OperationFault::refused(OperationKind::Search, DirectoryRefusal::WrongCredentials))
    }
}

/// The SIDs of the account this connection was bound as, its own among them (RootDSE `tokenGroups`, MS-ADTS
/// 3.1.1.3.2.27): the server might have taken the typed name for another account's. Empty where a server does not
/// tell; then the name alone must find exactly one.
pub(in crate::directory) async fn read_own_token(own: &mut LdapConnection) -> Result<Vec<Sid>, OperationFault> {
    let search =
        SearchRequest { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &["tokenGroups"], limit: 1 };
    let found = own.search(OperationKind::RootDse, &search).await?;
    Ok(found.entries.iter().flat_map(|root| root.bytes("tokenGroups")).filter_map(Sid::from_bytes).collect())
}

/// Whether `entry` can be the account that holds `token`.
fn is_bound_account(entry: &LdapEntry, token: &[Sid]) -> bool {
    token.is_empty() || entry.sid().is_some_and(|sid| token.contains(&sid))
}

/// Adds the advice for an admin when neither strangers nor people themselves may search.
pub(in crate::directory) fn advise_service_account(fault: OperationFault) -> OperationFault {
    if fault.result_code.is_some() {
        return fault.with_advice("people are searched for anonymously here, as no bind_name is set");
    }
    fault
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn another_account_than_the_one_that_was_bound_is_nobody() {
        let sid = |rid: u8| vec![1, 1, 0, 0, 0, 0, 0, 5, rid, 0, 0, 0];
        let token = [Sid::from_bytes(&sid(7)).unwrap(), Sid::from_bytes(&sid(8)).unwrap()];
        assert!(is_bound_account(&LdapEntry::with("CN=a", &[("objectSid", &sid(7))]), &token));
        assert!(!is_bound_account(&LdapEntry::with("CN=a", &[("objectSid", &sid(9))]), &token));
        assert!(!is_bound_account(&LdapEntry::with("CN=a", &[]), &token));
        assert!(is_bound_account(&LdapEntry::with("CN=a", &[]), &[]), "a server that tells nothing");
    }
}
