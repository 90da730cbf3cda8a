use serde::{Deserialize, Serialize};

/// The number of an epoch. Each bump, of whomever, begins the next one; a proof remembers the epoch that it was made in, and has
/// ended when its person was bumped in a later one.
///
/// The default is before every bump: what does not know its epoch is ended by any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PersonEpoch(i64);

impl PersonEpoch {
    /// The epoch of that number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}
