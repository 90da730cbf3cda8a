use std::fmt;

use uuid::Uuid;

use crate::store::{StoreError, fill_randomly};

/// The id of a node: random, and another after each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct NodeId(Uuid);

impl NodeId {
    /// A new id.
    ///
    /// # Errors
    /// [`StoreError`] when the system has no randomness to give.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        fill_randomly(&mut bytes)?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
