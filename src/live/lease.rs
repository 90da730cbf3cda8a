use std::future::pending;

use crate::domain::Timestamp;
use crate::store::{RowEvent, RowWatch};

/// What somebody's live connection hangs on besides the door. A stranger's hangs on nothing.
#[derive(Default)]
pub struct Lease {
    /// The row of what they proved themselves by, or of what that was made from: their session, their token.
    pub row: Option<RowWatch>,
    /// The moment at which it ends in any case.
    pub end: Option<Timestamp>,
}

impl Lease {
    /// Resolves when there is news of the row. May be cancelled and asked again.
    pub(super) async fn news(&mut self) -> RowEvent {
        match &mut self.row {
            Some(row) => row.next_event().await,
            None => pending().await,
        }
    }
}
