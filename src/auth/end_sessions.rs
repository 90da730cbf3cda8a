use super::Auth;
use crate::audit::AuditEvent;
use crate::domain::{Client, EndReason, Member, PersonId, SessionId};
use crate::sessions::Session;
use crate::store::StoreError;

/// Ending other sessions: one's own, and for admins anybody's. Each end is in the audit log, and the session's live
/// boards say so at once.
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

    /// Ends every session of the member's own but the current one. Returns how many that were.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_own_other_sessions(&self, member: &Member, client: &Client) -> Result<usize, StoreError> {
        let Some(kept) = member.session() else { return Ok(0) };
        let ended = self.sessions.end_others(&member.person.id, kept, EndReason::Revoked).await?;
        Ok(self.audit_ended(member, &ended, client))
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

    /// Ends all sessions of a person, for an admin; of the admin's own all but the current one. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_sessions_of_as_admin(
        &self,
        admin: &Member,
        person: &PersonId,
        client: &Client,
    ) -> Result<usize, StoreError> {
        self.forget_pending(person).await?;
        let ended = match admin.session().filter(|_| admin.person.id == *person) {
            Some(kept) => self.sessions.end_others(person, kept, EndReason::Revoked).await?,
            None => self.sessions.end_all_of(person, self.clock.now(), EndReason::Revoked).await?,
        };
        let whose = ended.first().map_or_else(|| person.to_string(), |session| session.person.qualified_name());
        let what = format!("ended all sessions of {whose}: {}", ended.len());
        self.audit.record(client, &AuditEvent::AdminActed { admin, what: &what });
        Ok(self.audit_ended(admin, &ended, client))
    }

    /// Ends everybody's sessions but the admin's current one. Returns how many that were.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_everyones_sessions_as_admin(&self, admin: &Member, client: &Client) -> Result<usize, StoreError> {
        let ended = self.sessions.end_all(admin.session(), EndReason::Revoked).await?;
        let what = format!("ended everybody's sessions: {}", ended.len());
        self.audit.record(client, &AuditEvent::AdminActed { admin, what: &what });
        Ok(self.audit_ended(admin, &ended, client))
    }

    async fn end_session_by(&self, by: &Member, session: &Session, client: &Client) -> Result<bool, StoreError> {
        let has_ended = self.sessions.end(session.id, EndReason::Revoked).await?;
        if has_ended {
            self.audit_ended(by, std::slice::from_ref(session), client);
        }
        Ok(has_ended)
    }

    fn audit_ended(&self, by: &Member, ended: &[Session], client: &Client) -> usize {
        for session in ended {
            self.audit.record(client, &AuditEvent::SessionEndedBy { person: &session.person, session: session.id, by });
        }
        ended.len()
    }
}
