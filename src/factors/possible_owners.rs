use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::PersonId;

/// The people who may have a factor, in memory, so that most sign-ins, which are of people who have none, need no query of
/// the file.
///
/// It has no false negatives. The tables of factors refer to `people`, so nobody has a factor without a row there; whoever
/// has one is in this set, inserted before the row is written and never removed. For its members the file is queried. It
/// holds as many as ever started to enroll, a hundred bytes each. Where others write too, as in a shared database, such a set
/// would let somebody in without the factor that they enrolled elsewhere.
#[derive(Default)]
pub(super) struct PossibleOwners(RwLock<HashSet<PersonId>>);

impl PossibleOwners {
    /// The set of those who have a row when the file is opened.
    pub(super) fn from_ids(ids: impl IntoIterator<Item = PersonId>) -> Self {
        Self(RwLock::new(ids.into_iter().collect()))
    }

    /// Inserts somebody, before their row is written.
    pub(super) fn insert(&self, person: &PersonId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(person.clone());
    }

    /// Whether somebody may have a factor; if not, they have none.
    pub(super) fn may_have_factor(&self, person: &PersonId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(person)
    }
}
