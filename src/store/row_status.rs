use std::fmt;
use std::hash::Hash;

use crate::domain::{EndReason, Timestamp};

/// The status of a row that live connections depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowStatus {
    /// It is valid until then, if nothing more is done.
    Valid {
        /// The first moment at which it is no longer valid.
        until: Timestamp,
        /// Its person, as the row has them: JSON.
        person: Vec<u8>,
    },
    /// It grants nothing for now: its person has not been confirmed for too long.
    Unconfirmed,
    /// It has ended, and why.
    Ended(EndReason),
}

/// The id of a row: a UUID, a number.
pub trait RowId: Copy + Ord + Hash + fmt::Debug + fmt::Display + Send + Sync + 'static {}

impl<Id: Copy + Ord + Hash + fmt::Debug + fmt::Display + Send + Sync + 'static> RowId for Id {}
