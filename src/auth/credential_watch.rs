use std::future::pending;

use crate::domain::{EndReason, Timestamp};
use crate::epochs::EpochWatch;
use crate::store::{RowEvent, RowWatch};

/// Watches the credential that a live connection rests on, for its end. An anonymous visitor's rests on none.
#[derive(Default)]
pub struct CredentialWatch {
    /// The watched row of the session or token that the member proved themselves by, or that their credential was made from.
    pub row: Option<RowWatch>,
    /// The watched epoch of their credential, where no row has it.
    pub epoch: Option<Box<EpochWatch>>,
    /// When it expires in any case.
    pub expires_at: Option<Timestamp>,
}

impl CredentialWatch {
    /// Resolves when the row changes or ends, or the credential is revoked. May be cancelled and called again.
    pub async fn next_event(&mut self) -> RowEvent {
        match (&mut self.row, &mut self.epoch) {
            (Some(row), None) => row.next_event().await,
            // Boxed, as nearly every connection has a row and no epoch: a viewer is small.
            (row, Some(epoch)) => Box::pin(next_of_both(row.as_mut(), epoch)).await,
            (None, None) => pending().await,
        }
    }
}

async fn next_of_both(row: Option<&mut RowWatch>, epoch: &mut EpochWatch) -> RowEvent {
    let row_event = async {
        match row {
            Some(row) => row.next_event().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        event = row_event => event,
        () = epoch.ended() => RowEvent::Ended(EndReason::Revoked),
    }
}
