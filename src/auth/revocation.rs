use std::time::Duration;

use super::Auth;
use crate::audit::AuditEvent;
use crate::domain::{Client, EndReason, Person, PersonEpoch, PersonId, SessionId};
use crate::epochs::{Bump, NewBump, ObservedPassword, PasswordRecord, ProofKind, RevocationEvent, RevokedPeople};
use crate::sessions::{Session, Sessions};
use crate::store::{EndSelection, StoreError};
use crate::tokens::{Token, Tokens};

/// How often bumps of other processes are looked for, as of `belvedere account`: what they end is over within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The sessions and API tokens that were ended.
#[derive(Default)]
pub(super) struct EndedCredentials {
    pub(super) sessions: Vec<Session>,
    pub(super) tokens: Vec<Token>,
}

impl EndedCredentials {
    /// Ends the sessions and API tokens from before a bump, as far as its event ends them. Those of a closed account are left to the
    /// [`SessionRefresher`](super::SessionRefresher), which found it closed, and knows who has signed in since it asked.
    pub(super) async fn by_bump(
        sessions: &Sessions,
        tokens: Option<&Tokens>,
        Bump { epoch, new: NewBump { people, event, kept } }: &Bump,
    ) -> Result<Self, StoreError> {
        let person = match people {
            RevokedPeople::One(person) => Some(person.clone()),
            RevokedPeople::Everybody => None,
        };
        let mut ended = Self::default();
        if *event == RevocationEvent::AccountClosed {
            return Ok(ended);
        }
        if event.ends(ProofKind::Session) {
            let selection =
                EndSelection { person: person.clone(), kept: *kept, made_before: Some(*epoch), ..EndSelection::all() };
            ended.sessions = sessions.end_selected(&selection, EndReason::Revoked).await?;
        }
        if let Some(tokens) = tokens.filter(|_| event.ends(ProofKind::ApiToken)) {
            let selection = EndSelection { person, made_before: Some(*epoch), ..EndSelection::all() };
            ended.tokens = tokens.end_selected(&selection, EndReason::Revoked).await?;
        }
        Ok(ended)
    }

    /// Whether there was nothing to end.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.tokens.is_empty()
    }
}

/// The one path by which what people have proved is revoked. Their epoch is bumped first, which ends everything that carries or
/// remembers an earlier one; then their sessions and API tokens end in their stores, and all live connections hear of it.
impl Auth {
    /// Revokes what a person has proved, as far as `event` ends it, but for the session `kept`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; what was not reached goes on.
    pub(super) async fn revoke(
        &self,
        person: &PersonId,
        event: RevocationEvent,
        kept: Option<SessionId>,
    ) -> Result<EndedCredentials, StoreError> {
        let _applying = self.foreign_bumps.read().await;
        let bump = self.epochs.bump(RevokedPeople::One(person.clone()), event, kept).await?;
        self.apply(&bump).await
    }

    /// Revokes what everybody has proved, but for the session `kept`.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub(super) async fn revoke_everybody(&self, kept: Option<SessionId>) -> Result<EndedCredentials, StoreError> {
        let _applying = self.foreign_bumps.read().await;
        self.apply(&self.epochs.bump(RevokedPeople::Everybody, RevocationEvent::AllEnded, kept).await?).await
    }

    /// Whether the proof of somebody, made in that epoch, has ended since.
    pub(super) fn is_revoked(&self, person: &PersonId, proof: ProofKind, made_in: PersonEpoch) -> bool {
        self.epochs.has_ended(person, proof, made_in)
    }

    /// Applies the bumps of other processes as they come, and those that were made while the server was down. It never returns.
    pub async fn follow_revocations(&self) {
        if let Err(error) = self.apply_unapplied().await {
            tracing::error!(%error, "what was revoked while the server was down could not be ended");
        }
        loop {
            // Whatever this process had bumped when it last looked has been applied since, by whoever bumped it.
            let settled = self.epochs.read_until();
            self.clock.sleep(POLL_INTERVAL).await;
            if let Err(error) = self.settle_foreign(settled).await {
                tracing::error!(%error, "nobody can see what other processes revoke");
            }
        }
    }

    async fn apply_unapplied(&self) -> Result<(), StoreError> {
        let mut bumps = self.epochs.unapplied().await?;
        let last = bumps.last().map(|bump| bump.epoch);
        self.apply_all(&mut bumps).await?;
        match last {
            Some(last) => self.epochs.set_applied(last).await,
            None => Ok(()),
        }
    }

    async fn settle_foreign(&self, settled: PersonEpoch) -> Result<(), StoreError> {
        self.apply_foreign().await?;
        if self.epochs.read_until() > settled { self.epochs.set_applied(settled).await } else { Ok(()) }
    }

    /// Applies what other processes have bumped by now, and waits for what this one is about to apply: afterwards the sessions and
    /// API tokens that ended before are gone from their stores.
    ///
    /// # Errors
    /// [`StoreError`]; what was not applied is at the next call.
    pub(super) async fn apply_foreign(&self) -> Result<(), StoreError> {
        let mut bumps = self.foreign_bumps.write().await;
        bumps.extend(self.epochs.poll().await?);
        self.apply_all(&mut bumps).await
    }

    /// Applies the bumps, and takes away those that were.
    async fn apply_all(&self, bumps: &mut Vec<Bump>) -> Result<(), StoreError> {
        while let Some(bump) = bumps.first() {
            self.audit_revoked(&self.apply(bump).await?, &Client::default());
            bumps.remove(0);
        }
        Ok(())
    }

    async fn apply(&self, bump: &Bump) -> Result<EndedCredentials, StoreError> {
        EndedCredentials::by_bump(&self.sessions, self.tokens.as_ref(), bump).await
    }

    /// Records what the directory tells of the password by which `person` has just proved who they are, and returns the epoch of
    /// that proof, noted as `noted` before. One that was changed there revokes what was proved by the one before.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be recorded: then the proof is none.
    pub(super) async fn record_password(&self, person: &Person, noted: PersonEpoch) -> Result<PersonEpoch, StoreError> {
        if person.realm.is_local() {
            return Ok(noted);
        }
        let _applying = self.foreign_bumps.read().await;
        let PasswordRecord { bump, began } =
            self.epochs.record_password(&person.id, person.password_set.map(ObservedPassword::new)).await?;
        if let Some(bump) = bump {
            let ended = self.apply(&bump).await?;
            // One's own change here has ended everything before, and is recorded as such.
            if !ended.is_empty() {
                self.audit.record(&Client::default(), &AuditEvent::PasswordChangedElsewhere { person });
                self.audit_revoked(&ended, &Client::default());
            }
        }
        Ok(self.epochs.epoch_of_password(&person.id, noted, began))
    }

    /// Records the ends of sessions and API tokens, as a consequence of what `client` did.
    pub(super) fn audit_revoked(&self, EndedCredentials { sessions, tokens }: &EndedCredentials, client: &Client) {
        for Session { id, person, .. } in sessions {
            let event = AuditEvent::SessionEnded { person, session: *id, reason: EndReason::Revoked };
            self.audit.record(client, &event);
        }
        self.audit_ended_tokens(tokens, client);
    }

    pub(super) fn audit_ended_tokens(&self, tokens: &[Token], client: &Client) {
        for Token { id, person, .. } in tokens {
            let event = AuditEvent::TokenEnded { person, token: *id, reason: EndReason::Revoked };
            self.audit.record(client, &event);
        }
    }
}
