use std::time::Duration;

use super::Auth;
use crate::audit::AuditEvent;
use crate::domain::{Client, EndReason, PersonEpoch, PersonId, SessionId};
use crate::epochs::{Bump, NewBump, ProofKind, RevocationEvent, RevokedPeople};
use crate::sessions::Session;
use crate::store::{EndSelection, StoreError};
use crate::tokens::Token;

/// How often bumps of other processes are looked for, as of `belvedere account`: what they end is over within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The sessions and API tokens that were ended.
#[derive(Default)]
pub(super) struct EndedCredentials {
    pub(super) sessions: Vec<Session>,
    pub(super) tokens: Vec<Token>,
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
        let bump = self.epochs.bump(RevokedPeople::One(person.clone()), event, kept).await?;
        self.apply(&bump).await
    }

    /// Revokes what everybody has proved, but for the session `kept`.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub(super) async fn revoke_everybody(&self, kept: Option<SessionId>) -> Result<EndedCredentials, StoreError> {
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
            if let Err(error) = self.apply_foreign(settled).await {
                tracing::error!(%error, "nobody can see what other processes revoke");
            }
        }
    }

    async fn apply_unapplied(&self) -> Result<(), StoreError> {
        let bumps = self.epochs.unapplied().await?;
        self.apply_all(&bumps).await?;
        match bumps.last() {
            Some(last) => self.epochs.set_applied(last.epoch).await,
            None => Ok(()),
        }
    }

    async fn apply_foreign(&self, settled: PersonEpoch) -> Result<(), StoreError> {
        let bumps = self.epochs.poll().await?;
        self.apply_all(&bumps).await?;
        if self.epochs.read_until() > settled { self.epochs.set_applied(settled).await } else { Ok(()) }
    }

    async fn apply_all(&self, bumps: &[Bump]) -> Result<(), StoreError> {
        for bump in bumps {
            self.audit_revoked(&self.apply(bump).await?, &Client::default());
        }
        Ok(())
    }

    /// Ends the sessions and API tokens from before a bump, as far as its event ends them. Those of a closed account are left to the
    /// [`SessionRefresher`](super::SessionRefresher), which found it closed, and knows who has signed in since it asked.
    async fn apply(&self, Bump { epoch, new: NewBump { people, event, kept } }: &Bump) -> Result<EndedCredentials, StoreError> {
        let person = match people {
            RevokedPeople::One(person) => Some(person.clone()),
            RevokedPeople::Everybody => None,
        };
        let mut ended = EndedCredentials::default();
        if *event == RevocationEvent::AccountClosed {
            return Ok(ended);
        }
        if event.ends(ProofKind::Session) {
            let selection =
                EndSelection { person: person.clone(), kept: *kept, made_before: Some(*epoch), ..EndSelection::all() };
            ended.sessions = self.sessions.end_selected(&selection, EndReason::Revoked).await?;
        }
        if let Some(tokens) = self.tokens.as_ref().filter(|_| event.ends(ProofKind::ApiToken)) {
            let selection = EndSelection { person, made_before: Some(*epoch), ..EndSelection::all() };
            ended.tokens = tokens.end_selected(&selection, EndReason::Revoked).await?;
        }
        Ok(ended)
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
