use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::password_subjects::PasswordSubjects;
use crate::auth::revocation::EndedCredentials;
use crate::domain::{EndReason, Person, PersonId, Revalidation, Timestamp};
use crate::epochs::Bump;
use crate::sessions::Sessions;
use crate::store::{Fence, PeopleBatch, StoreError};
use crate::tokens::Tokens;

/// The targets that people are refreshed for: sessions, API tokens, and what lasts of passwords. Each person counts once, however many of
/// them they have.
pub(super) struct RefreshTargets {
    pub(super) sessions: Sessions,
    pub(super) tokens: Option<Tokens>,
    pub(super) passwords: Option<Arc<PasswordSubjects>>,
}

impl RefreshTargets {
    /// See [`Credentials::update_revalidation`](crate::store::Credentials::update_revalidation).
    pub(super) async fn update_revalidation(&self, can: impl Fn(&Person) -> Revalidation) -> Result<(), StoreError> {
        self.sessions.update_revalidation(&can).await?;
        match &self.tokens {
            Some(tokens) => tokens.update_revalidation(can).await,
            None => Ok(()),
        }
    }

    /// The most people that there can be: somebody with both a session and a token may be counted twice.
    pub(super) async fn count_people(&self) -> Result<usize, StoreError> {
        let with_tokens = match &self.tokens {
            Some(tokens) => tokens.count_people().await?,
            None => 0,
        };
        let with_passwords = match &self.passwords {
            Some(passwords) => passwords.count().await?,
            None => 0,
        };
        Ok(self.sessions.count_people().await? + with_tokens + with_passwords)
    }

    /// The next people, at most `limit`, after `after`: see [`Credentials::people`](crate::store::Credentials::people).
    pub(super) async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<PeopleBatch, StoreError> {
        let mut people = self.sessions.people(after, limit).await?;
        if let Some(tokens) = &self.tokens {
            people = merge(people, tokens.people(after, limit).await?, limit);
        }
        if let Some(passwords) = &self.passwords {
            people = merge(people, passwords.people(after, limit).await?, limit);
        }
        Ok(people)
    }

    /// See [`Credentials::confirm_as_holder`](crate::store::Credentials::confirm_as_holder).
    pub(super) async fn confirm(&self, people: &[Person], asked_at: Timestamp, fence: Option<Fence>) -> Result<(), StoreError> {
        if let Some(passwords) = &self.passwords {
            passwords.describe(people).await?;
        }
        self.sessions.confirm_as_holder(people, asked_at, fence).await?;
        match &self.tokens {
            Some(tokens) => tokens.confirm_as_holder(people, asked_at, fence).await,
            None => Ok(()),
        }
    }

    /// See [`Credentials::end_all_of`](crate::store::Credentials::end_all_of).
    pub(super) async fn end_all_of(&self, person: &PersonId, asked_at: Timestamp) -> Result<EndedCredentials, StoreError> {
        let sessions = self.sessions.end_all_of(person, asked_at, EndReason::Revoked).await?;
        let tokens = match &self.tokens {
            Some(tokens) => tokens.end_all_of(person, asked_at, EndReason::Revoked).await?,
            None => Vec::new(),
        };
        Ok(EndedCredentials { sessions, tokens })
    }

    /// See [`EndedCredentials::by_bump`].
    pub(super) async fn end_by_bump(&self, bump: &Bump) -> Result<EndedCredentials, StoreError> {
        EndedCredentials::by_bump(&self.sessions, self.tokens.as_ref(), bump).await
    }
}

/// Merges two batches into the first `limit` people of both, in order, each once.
fn merge(one: PeopleBatch, other: PeopleBatch, limit: usize) -> PeopleBatch {
    // After the end of a list that goes on there may be people who are not in it: they are not skipped.
    let end = match (one.next_after, other.next_after) {
        (Some(a), Some(b)) => Some(if a.as_str() < b.as_str() { a } else { b }),
        (a, b) => a.or(b),
    };
    let is_near = |person: &Person| end.as_ref().is_none_or(|end| person.id.as_str() <= end.as_str());
    // Where there are both, the session's description wins.
    let all = other.people.into_iter().chain(one.people).filter(is_near);
    let all: BTreeMap<String, Person> = all.map(|person| (person.id.as_str().to_owned(), person)).collect();
    let is_cut = all.len() > limit;
    let people: Vec<Person> = all.into_values().take(limit).collect();
    let last = if is_cut { people.last().map(|person| person.id.clone()) } else { end };
    PeopleBatch { people, next_after: last }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(names: &[&str], last: Option<&str>) -> PeopleBatch {
        let person = |name: &&str| Person { id: PersonId::new(*name), ..Person::named(name) };
        PeopleBatch { people: names.iter().map(person).collect(), next_after: last.map(PersonId::new) }
    }

    #[test]
    fn two_lists_are_gone_through_as_one_and_nobody_is_passed_over() {
        let merged = |one: PeopleBatch, other: PeopleBatch| merge(one, other, 3);
        assert_eq!(merged(people(&["a", "c"], None), people(&["b", "c"], None)), people(&["a", "b", "c"], None));
        // One goes on after its third: what the other has after that comes with the next.
        assert_eq!(merged(people(&["a", "b", "c"], Some("c")), people(&["b", "x"], None)), people(&["a", "b", "c"], Some("c")));
        assert_eq!(merged(people(&["a", "b"], None), people(&["c", "d"], None)), people(&["a", "b", "c"], Some("c")));
        assert_eq!(
            merged(people(&["a", "d", "e"], Some("e")), people(&["b", "c", "f"], Some("f"))),
            people(&["a", "b", "c"], Some("c"))
        );
        // Rows that could not be read were passed over, up to there.
        assert_eq!(merged(people(&[], Some("c")), people(&["d"], None)), people(&[], Some("c")));
    }
}
