use std::future::pending;

use crate::domain::Timestamp;
use crate::store::{RowEvent, RowWatch};

/// Watches the credential that a live connection rests on, for its end. An anonymous visitor's rests on none.
#[derive(Default)]
pub struct CredentialWatch {
    /// The watched row of the session or token that the member proved themselves by, or that their credential was made from.
    pub row: Option<RowWatch>,
    /// When it expires in any case.
    pub expires_at: Option<Timestamp>,
}

impl CredentialWatch {
    /// Resolves when the row changes or ends. May be cancelled and called again.
    pub async fn next_event(&mut self) -> RowEvent {
        match &mut self.row {
            Some(row) => row.next_event().await,
            None => pending().await,
        }
    }
}
