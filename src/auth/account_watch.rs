use std::sync::Arc;

use super::SessionRefresher;
use crate::accounts::{AccountId, LocalAccounts};
use crate::audit::{Audit, AuditEvent};
use crate::domain::{Client, Person, PersonId};
use crate::store::{PeopleBatch, StoreError};

/// The most people that are checked at a time.
const BATCH_SIZE: usize = 200;

/// Keeps the sessions true to local accounts: when one is changed, here or on the command line, its owner's sessions
/// and boards follow within a second.
pub struct AccountWatch {
    accounts: LocalAccounts,
    refresher: Arc<SessionRefresher>,
    audit: Audit,
}

impl AccountWatch {
    /// Creates the task; [`AccountWatch::run`] runs it.
    pub fn new(accounts: LocalAccounts, refresher: Arc<SessionRefresher>, audit: Audit) -> Self {
        Self { accounts, refresher, audit }
    }

    /// Runs for as long as it is polled. The sessions are looked after by the node that refreshes people.
    pub async fn run(&self) {
        if let Err(error) = self.accounts.prepare_dummy_hash().await {
            tracing::error!(%error, "local accounts are not ready");
        }
        let following = self.refresher.lease().run_while_held(|| self.follow_changes());
        tokio::join!(self.accounts.watch_changes(), following);
    }

    /// Begins with everybody, since nobody knows how long nobody did.
    async fn follow_changes(&self) {
        let mut changes = self.accounts.subscribe();
        loop {
            changes.mark_unchanged();
            if let Err(error) = self.sync().await {
                tracing::error!(%error, "the sessions of local accounts could not be kept true to them");
            }
            // The sender lives in the accounts, which this task holds.
            let _ = changes.changed().await;
        }
    }

    /// Brings the audit log and the sessions up to date.
    async fn sync(&self) -> Result<(), StoreError> {
        self.audit_cli_actions().await?;
        let mut after = Some(PersonId::new(AccountId::PREFIX));
        while let Some(from) = after {
            let PeopleBatch { people, next_after } = self.refresher.people(Some(&from), BATCH_SIZE).await?;
            let local: Vec<Person> = people.iter().filter(|person| is_local_account(&person.id)).cloned().collect();
            // They come in the order of their ids: after the last account there is none.
            after = next_after.filter(is_local_account);
            self.refresher.refresh_now(&local).await?;
        }
        Ok(())
    }

    /// Records what the command line did: only the server writes the audit log.
    async fn audit_cli_actions(&self) -> Result<(), StoreError> {
        loop {
            let actions = self.accounts.take_actions().await?;
            if actions.is_empty() {
                return Ok(());
            }
            for action in actions {
                let event = AuditEvent::AccountAction { act: action.action.as_str(), account: &action.account, by: None };
                self.audit.record(&Client::default(), &event);
            }
        }
    }
}

fn is_local_account(person: &PersonId) -> bool {
    person.as_str().starts_with(AccountId::PREFIX)
}
