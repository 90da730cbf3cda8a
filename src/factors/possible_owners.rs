use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::PersonId;

/// Everybody who may have a factor, in memory: that somebody has none, as is so of most who sign in, then takes no
/// question to the store.
///
/// It errs on one side alone. The tables of factors refer to `people`, so nobody has a factor without a row there; here is
/// whoever has one, noted before it is written, and nobody is struck out. Who is in it is asked about. It holds as many as
/// ever set out to enrol, a hundred bytes each.
#[derive(Default)]
pub(super) struct PossibleOwners(RwLock<HashSet<PersonId>>);

impl PossibleOwners {
    /// Those who have a row when the store is opened.
    pub(super) fn from_ids(ids: impl IntoIterator<Item = String>) -> Self {
        Self(RwLock::new(ids.into_iter().map(PersonId::new).collect()))
    }

    /// Somebody is about to get a row.
    pub(super) fn insert(&self, person: &PersonId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(person.clone());
    }

    /// Whether somebody may have a factor; otherwise they have none.
    pub(super) fn may_have_factor(&self, person: &PersonId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(person)
    }
}
