use std::future::pending;

use crate::domain::Timestamp;
use crate::store::{RowNews, Watch};

/// What somebody's live connection hangs on besides the door. A stranger's hangs on nothing.
#[derive(Default)]
pub struct Lease {
    /// The row of what they proved themselves by, or of what that was made from: their session, their token.
    pub row: Option<Watch>,
    /// The moment at which it ends in any case.
    pub end: Option<Timestamp>,
}

impl Lease {
    /// Resolves when there is news of the row. May be cancelled and asked again.
    pub(super) async fn news(&mut self) -> RowNews {
        match &mut self.row {
            Some(row) => row.news().await,
            None => pending().await,
        }
    }
}
