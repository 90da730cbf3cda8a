use std::collections::HashMap;

use super::group_index::GroupIndex;
use super::group_search::{MAX_GROUPS, search_groups};
use super::halves::Halves;
use super::member_search::{MemberQuery, MemberSearch};
use super::namesakes::mark_namesakes;
use super::path::{GroupMembership, PathStep, ShortestPaths};
use super::walk::WalkBounds;
use crate::directory::connection::{LdapConnection, OperationFault, OperationKind, SearchResult, Truncation};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Groups};

/// The most members whose groups one search asks for: a filter that any server takes.
const MEMBERS_PER_SEARCH: usize = 50;

/// The most members that are searched one by one to find the paths to groups; the paths to the rest stay unknown.
const MAX_EXPLAINED: usize = 300;

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
        let index = GroupIndex::with_limit(MAX_GROUPS.into());
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
        let (mut level, mut bounds) = (self.search.person_queries(self.person, uid), WalkBounds::new(MAX_GROUPS.into()));
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

    /// Finds the groups of these members, some at once. Returns the queries for those that were not known before.
    async fn read_level(&mut self, level: &[MemberQuery]) -> Result<Vec<MemberQuery>, OperationFault> {
        let explained = self.left_to_explain.min(level.len());
        self.left_to_explain -= explained;
        let (one_by_one, others) = level.split_at(explained);
        for mut halves in [Halves::of(one_by_one, 1), Halves::of(others, MEMBERS_PER_SEARCH)] {
            while let Some(batch) = halves.next_batch() {
                let clauses: Vec<String> = batch.iter().map(|query| query.filter.clone()).collect();
                let found = search_groups(self.connection, self.search.base_dn, &filter::any(&clauses)).await?;
                if found.truncated.is_none() || !halves.split(batch) {
                    self.add_all(batch, found)?;
                }
            }
        }
        let new = self.index.take_new();
        Ok(new.map(|group| self.search.group_query(group, &self.index.groups()[group].dn)).collect())
    }

    /// Adds the groups that list some of these members.
    fn add_all(&mut self, batch: &[MemberQuery], found: SearchResult) -> Result<(), OperationFault> {
        if let Some(truncation) = found.truncated {
            let (dn, reason) = (self.person.dn.as_str(), truncation.in_words());
            let is_accepted = match truncation {
                // It never was anybody's.
                Truncation::Malformed => true,
                Truncation::Limit | Truncation::SizeLimit | Truncation::TimeLimit | Truncation::WorkLimit => {
                    matches!(self.truncated_answers, TruncatedAnswers::Accept)
                }
                Truncation::TooLarge | Truncation::TimedOut => false,
            };
            if !is_accepted {
                let reason = format!("not all groups of {dn} can be read: {reason}");
                return Err(OperationFault::unreachable(OperationKind::Search, reason));
            }
            tracing::warn!(dn, reason, "not all groups of somebody can be read: some are left out");
        }
        for entry in found.entries {
            let group = self.add(&entry.dn, entry.text("cn"));
            if let (Some(group), [only]) = (group, batch) {
                self.steps.push((group, only.step));
            }
        }
        Ok(())
    }
}
