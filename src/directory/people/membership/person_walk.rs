use std::collections::HashMap;

use ldap3::Scope;

use super::group_index::GroupIndex;
use super::member_search::{MemberQuery, MemberSearch};
use super::namesakes::mark_namesakes;
use super::path::{GroupMembership, PathStep, ShortestPaths};
use super::walk::WalkBounds;
use crate::directory::connection::{LdapConnection, OperationFault, OperationKind, SearchRequest};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Groups};

/// The most members whose groups one search asks for: a filter that any server takes.
const MEMBERS_PER_SEARCH: usize = 25;

/// The most members that are searched one by one to find the paths to groups; the paths to the rest stay unknown.
const MAX_EXPLAINED: usize = 300;

/// The most groups taken from one search: what servers commonly allow (Active Directory's page, 389's default).
const GROUPS_PER_SEARCH: u16 = 1_000;

/// The most groups of one person, more than anybody is in; below the usual limits on what one search returns, times a
/// few.
const MAX_GROUPS: usize = 2_000;

/// The handling of answers that the server cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum TruncatedAnswers {
    /// They grant what they hold: at a sign-in.
    Accept,
    /// They are a fault: for somebody whose groups are known, since they must not look like a loss.
    Reject,
}

/// A walk from one person up to all their groups, nested ones included, on a server that does not compute them.
pub(super) struct PersonWalk<'a> {
    connection: &'a mut LdapConnection,
    search: MemberSearch<'a>,
    person: &'a LdapEntry,
    truncated_answers: TruncatedAnswers,
    index: GroupIndex,
    /// The number of searches that are still about one member each, so that it is known who is in the groups they find.
    left_to_explain: usize,
    /// The last steps of the paths to groups, as far as they are known.
    steps: Vec<(usize, PathStep)>,
}

impl<'a> PersonWalk<'a> {
    pub(super) fn new(
        connection: &'a mut LdapConnection,
        search: MemberSearch<'a>,
        person: &'a LdapEntry,
        truncated_answers: TruncatedAnswers,
    ) -> Self {
        let index = GroupIndex::with_limit(MAX_GROUPS);
        Self { connection, search, person, truncated_answers, index, left_to_explain: 0, steps: Vec::new() }
    }

    /// The person's groups: those in `memberOf`, those that list the person, their posix group, and level by level
    /// those that list a group already found.
    ///
    /// # Errors
    /// When a search fails. A half-known set of groups is never handed out for a fault; only the limits named above cut
    /// it short, and the log says so.
    pub(super) async fn groups(mut self, uid: &str) -> Result<Groups, OperationFault> {
        self.walk(uid).await?;
        Ok(self.index.groups().iter().cloned().collect())
    }

    /// The person's groups, each with the shortest path to it. A group that only `memberOf` shows counts as direct, but
    /// after the others, as some servers list nested groups there too.
    ///
    /// # Errors
    /// When a search fails.
    pub(super) async fn memberships(mut self, uid: &str) -> Result<Vec<GroupMembership>, OperationFault> {
        self.left_to_explain = MAX_EXPLAINED;
        self.walk(uid).await?;
        let (mut paths, mut parents) = (ShortestPaths::default(), HashMap::<usize, Vec<usize>>::new());
        for &(group, step) in &self.steps {
            match step {
                PathStep::Listed | PathStep::Primary => paths.reach(group, step),
                PathStep::Through(child) => parents.entry(child).or_default().push(group),
            }
        }
        let parents_of = |group: usize| parents.get(&group).cloned().unwrap_or_default();
        paths.expand(parents_of);
        for group in self.person.texts("memberOf").filter_map(|dn| self.index.index_of(dn)) {
            paths.reach(group, PathStep::Listed);
        }
        paths.expand(parents_of);
        let groups = self.index.groups();
        let path = |index: usize| paths.path(index, |through| &groups[through].name);
        Ok(groups.iter().enumerate().map(|(at, group)| GroupMembership { group: group.clone(), path: path(at) }).collect())
    }

    async fn walk(&mut self, uid: &str) -> Result<(), OperationFault> {
        for dn in self.person.texts("memberOf") {
            self.add(dn, None);
        }
        let (mut level, mut bounds) = (self.search.person_queries(self.person, uid), WalkBounds::new(MAX_GROUPS));
        while bounds.admit(&level, self.index.groups().len()) {
            level = self.read_level(&level).await?;
        }
        if !level.is_empty() {
            tracing::warn!(
                dn = self.person.dn,
                groups = self.index.groups().len(),
                "more groups, or deeper nesting, than are followed: some are left out"
            );
        }
        mark_namesakes(self.connection, &self.search, &mut self.index).await
    }

    fn add(&mut self, dn: &str, cn: Option<&str>) -> Option<usize> {
        if dn.parse::<Dn>().is_err() {
            tracing::warn!(dn, "the server names a group by what is not a distinguished name: left out");
        }
        self.index.add(dn, cn)
    }

    /// Finds the groups of some members at once.
    async fn read_batch(&mut self, batch: &[MemberQuery]) -> Result<(), OperationFault> {
        let clauses: Vec<String> = batch.iter().map(|query| query.filter.clone()).collect();
        let request = SearchRequest {
            base: self.search.base_dn,
            scope: Scope::Subtree,
            filter: &filter::any(&clauses),
            attributes: &["cn"],
            limit: GROUPS_PER_SEARCH,
        };
        let answer = self.connection.search(OperationKind::Search, &request).await?;
        if answer.truncated && self.truncated_answers == TruncatedAnswers::Reject {
            let reason = "the server cut the list of groups short: raise its size limit for bind_name";
            return Err(OperationFault::unreachable(OperationKind::Search, reason));
        }
        if answer.truncated {
            tracing::warn!(dn = self.person.dn, "the server cut the list of groups short: raise its size limit");
        }
        for entry in answer.entries {
            let group = self.add(&entry.dn, entry.text("cn"));
            if let (Some(group), [only]) = (group, batch) {
                self.steps.push((group, only.step));
            }
        }
        Ok(())
    }

    /// Finds the groups of these members. Returns the queries for those that were not known before.
    async fn read_level(&mut self, level: &[MemberQuery]) -> Result<Vec<MemberQuery>, OperationFault> {
        let mut rest = level;
        while !rest.is_empty() {
            let size = if self.left_to_explain > 0 { 1 } else { MEMBERS_PER_SEARCH };
            self.left_to_explain = self.left_to_explain.saturating_sub(1);
            let (batch, behind) = rest.split_at(size.min(rest.len()));
            self.read_batch(batch).await?;
            rest = behind;
        }
        let new = self.index.take_new();
        Ok(new.map(|group| self.search.group_query(group, &self.index.groups()[group].dn)).collect())
    }
}
