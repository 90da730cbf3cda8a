use super::bulk_groups::BulkGroups;
use super::domain_groups::read_domain_groups;
use super::member_lists::read_member_lists;
use super::member_search::MemberSearch;
use super::path::GroupMembership;
use super::person_walk::{PersonWalk, TruncatedAnswers};
use super::searcher::MembershipSearcher;
use super::token_groups::read_token_groups;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault};
use crate::directory::people::person;
use crate::directory::schema::LdapEntry;
use crate::domain::Groups;

/// The resolver of the groups that people are in. A person's entry has been read with [`person::ATTRIBUTES`];
/// `known_as` is the name that was typed, or by which they were known before.
impl LdapDirectory {
    /// Resolves one person's groups: `tokenGroups` in Active Directory, elsewhere the groups that a walk finds.
    ///
    /// # Errors
    /// When a search fails, or is cut short and that is to be rejected.
    pub(in crate::directory) async fn resolve_groups(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        (entry, known_as): (&LdapEntry, &str),
        truncated_answers: TruncatedAnswers,
    ) -> Result<Groups, OperationFault> {
        if let Some(domain) = &profile.domain {
            return read_token_groups(connection, domain, &self.group_names, &*self.clock, &entry.dn).await;
        }
        let walk = PersonWalk::new(connection, self.member_search(profile), entry, truncated_answers);
        walk.groups(person::uid(entry, known_as)).await
    }

    /// Resolves the groups that a sign-in finds, each with the path to it.
    ///
    /// # Errors
    /// When a search fails.
    pub(in crate::directory) async fn explain_groups(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        (entry, known_as): (&LdapEntry, &str),
    ) -> Result<Vec<GroupMembership>, OperationFault> {
        let accepted = TruncatedAnswers::Accept;
        if let Some(domain) = &profile.domain {
            let groups = self.resolve_groups(connection, profile, (entry, known_as), accepted).await?;
            let seen = read_domain_groups(connection, domain, &[entry]).await?;
            return Ok(seen.memberships_of(entry, &groups));
        }
        let walk = PersonWalk::new(connection, self.member_search(profile), entry, accepted);
        walk.memberships(person::uid(entry, known_as)).await
    }

    /// Resolves the groups of many people, as far as the directory tells them in bulk.
    ///
    /// # Errors
    /// When a search fails.
    pub(in crate::directory) async fn resolve_in_bulk<S: MembershipSearcher>(
        &self,
        searcher: &mut S,
        profile: &DirectoryProfile,
        people: &[(&LdapEntry, &str)],
    ) -> Result<Vec<BulkGroups>, S::Error> {
        if let Some(domain) = &profile.domain {
            let entries: Vec<&LdapEntry> = people.iter().map(|(entry, _)| *entry).collect();
            let seen = read_domain_groups(searcher, domain, &entries).await?;
            return Ok(entries.iter().map(|entry| seen.bulk_groups_of(entry)).collect());
        }
        let listed: Vec<_> = people.iter().map(|(entry, known_as)| (*entry, person::uid(entry, known_as))).collect();
        read_member_lists(searcher, &self.member_search(profile), &listed).await
    }

    fn member_search<'a>(&'a self, profile: &'a DirectoryProfile) -> MemberSearch<'a> {
        MemberSearch::new(&profile.base_dn, self.settings.group_filter.as_ref())
    }
}
