use super::Auth;
use super::revocation::EndedCredentials;
use crate::audit::AuditEvent;
use crate::domain::{Client, EndReason, Member, PersonId, SessionId};
use crate::epochs::RevocationEvent;
use crate::sessions::Session;
use crate::store::StoreError;

/// Ending sessions, and all else that was proved: one's own, and for admins anybody's. Each end is in the audit log, and live
/// connections say so at once.
impl Auth {
    /// Ends a session of the member's own. `false` when there is no such session of theirs, or not any more.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the session then goes on.
    pub async fn end_own_session(&self, member: &Member, id: SessionId, client: &Client) -> Result<bool, StoreError> {
        let session = self.sessions.get(id).await?.filter(|session| session.person.id == member.person.id);
        match session {
            Some(session) => self.end_session_by(member, &session, client).await,
            None => Ok(false),
        }
    }

    /// Ends all that the member has proved, but for the current session: their other sessions, API tokens, signed tokens and what
    /// is remembered of their password.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; what was not reached goes on.
    pub async fn end_all_else(&self, member: &Member, client: &Client) -> Result<(), StoreError> {
        let ended = self.revoke(&member.person.id, RevocationEvent::AllEnded, member.session()).await?;
        self.audit_ended(member, &ended, client);
        Ok(())
    }

    /// Ends anybody's session, for an admin. `false` when it had ended before.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the session then goes on.
    pub async fn end_session_as_admin(&self, admin: &Member, id: SessionId, client: &Client) -> Result<bool, StoreError> {
        match self.sessions.get(id).await? {
            Some(session) => self.end_session_by(admin, &session, client).await,
            None => Ok(false),
        }
    }

    /// Ends all that a person has proved, for an admin; of the admin's own all but the current session. Returns how many sessions
    /// that were.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; what was not reached goes on.
    pub async fn end_all_of_as_admin(&self, admin: &Member, person: &PersonId, client: &Client) -> Result<usize, StoreError> {
        let ended = self.revoke_as_admin(admin, person, RevocationEvent::AllEnded).await?;
        let whose = ended.sessions.first().map_or_else(|| person.to_string(), |session| session.person.qualified_name());
        let what = format!("ended all sessions of {whose}: {}", ended.sessions.len());
        self.audit.record(client, &AuditEvent::AdminActed { admin, what: &what });
        Ok(self.audit_ended(admin, &ended, client))
    }

    /// Revokes what a person has proved, on the word of an admin, who keeps their own current session.
    pub(super) async fn revoke_as_admin(
        &self,
        admin: &Member,
        person: &PersonId,
        event: RevocationEvent,
    ) -> Result<EndedCredentials, StoreError> {
        self.revoke(person, event, admin.session().filter(|_| admin.person.id == *person)).await
    }

    /// Ends all that everybody has proved, but for the admin's current session. Returns how many sessions that were.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; what was not reached goes on.
    pub async fn end_everything_as_admin(&self, admin: &Member, client: &Client) -> Result<usize, StoreError> {
        let ended = self.revoke_everybody(admin.session()).await?;
        let what = format!("ended everybody's sessions: {}", ended.sessions.len());
        self.audit.record(client, &AuditEvent::AdminActed { admin, what: &what });
        Ok(self.audit_ended(admin, &ended, client))
    }

    async fn end_session_by(&self, by: &Member, session: &Session, client: &Client) -> Result<bool, StoreError> {
        let has_ended = self.sessions.end(session.id, EndReason::Revoked).await?;
        if has_ended {
            self.audit_ended_session(by, session, client);
        }
        Ok(has_ended)
    }

    /// Records the ends of sessions and API tokens by a member, and returns how many sessions there were.
    pub(super) fn audit_ended(
        &self,
        by: &Member,
        EndedCredentials { sessions, tokens }: &EndedCredentials,
        client: &Client,
    ) -> usize {
        for session in sessions {
            self.audit_ended_session(by, session, client);
        }
        self.audit_ended_tokens(tokens, client);
        sessions.len()
    }

    fn audit_ended_session(&self, by: &Member, session: &Session, client: &Client) {
        self.audit.record(client, &AuditEvent::SessionEndedBy { person: &session.person, session: session.id, by });
    }
}
