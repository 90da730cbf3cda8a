use std::time::Duration;

use zeroize::Zeroizing;

use super::SignInRefusal;
use super::refused_attempt::{AttemptKind, invalid_password_word};
use super::sign_in::{Auth, SignedIn};
use super::throttle::DeviceProof;
use super::timing_floor;
use crate::audit::AuditEvent;
use crate::domain::{Client, Member, Password};
use crate::sessions::{Reauthentication, SessionToken};
use crate::store::StoreError;

/// Re-authentication (step-up) before what matters: a browser that was left open must not be enough.
impl Auth {
    /// Whether the member has authenticated in their session within the last `recent`: with their second factor where
    /// they have one, since somebody who has only learnt their password has none; otherwise with their password.
    /// Without a session (with a token, say) they have not.
    ///
    /// # Errors
    /// [`StoreError`] when the session store cannot be asked.
    pub async fn has_authenticated_within(&self, recent: Duration, member: &Member) -> Result<bool, StoreError> {
        let Some(id) = member.session() else { return Ok(false) };
        let Some(session) = self.sessions.get(id).await? else { return Ok(false) };
        let has_factor = self.needs_second_factor(&session.person.id).await?;
        let authenticated_at = if has_factor { session.second_factor_at } else { Some(session.authenticated_at) };
        Ok(authenticated_at.is_some_and(|at| self.clock.now() < at + recent))
    }

    /// Re-authenticates a member with their password, in the session of `token`. The session goes on with a new token,
    /// and the old one is dead. `None` when the session has ended meanwhile.
    ///
    /// The directory is asked once, under the same limits as at a sign-in, and a refusal takes as long as one.
    ///
    /// # Errors
    /// A [`SignInRefusal`]; the session stays as it was.
    pub async fn reauthenticate(
        &self,
        member: &Member,
        password: Zeroizing<String>,
        client: &Client,
        token: &SessionToken,
    ) -> Result<Option<SignedIn>, SignInRefusal> {
        let begun = self.clock.now();
        let outcome = self.try_reauthenticate(member, password, client, token).await;
        if outcome.is_err() {
            timing_floor::wait(&*self.clock, begun).await;
        }
        outcome
    }

    async fn try_reauthenticate(
        &self,
        member: &Member,
        mut password: Zeroizing<String>,
        client: &Client,
        token: &SessionToken,
    ) -> Result<Option<SignedIn>, SignInRefusal> {
        let refused = |reason| {
            let name = &member.person.qualified_name();
            self.audit.record(client, &AuditEvent::ProofRefused { name, reason, directory_code: None, retry_after: None });
            SignInRefusal::WrongCredentials
        };
        let name = self.directory.sign_in_name(&member.person).ok_or_else(|| refused("no-such-directory"))?;
        // Moved, not copied: no second copy is left behind.
        let password = Password::parse(std::mem::take(&mut *password));
        let password = password.map_err(|invalid| refused(invalid_password_word(invalid)))?;
        let permit = self.admit(AttemptKind::Reauthentication, &name, Some(&password), client).await?;
        let person = self.authenticate(AttemptKind::Reauthentication, &name, &password, permit, client).await?;
        // An account that was made anew under an old name is somebody else's.
        if person.id != member.person.id {
            return Err(refused("another-person"));
        }
        let Some((token, session)) = self.sessions.reauthenticate(token, &person.id, Reauthentication::Password).await? else {
            return Ok(None);
        };
        self.audit.record(client, &AuditEvent::ProvedAgain { person: &session.person, session: session.id });
        let proof = DeviceProof::of_session(session.second_factor_at.is_some());
        let device_cookie = self.issue_device_cookie(&name, &session.person, proof)?;
        Ok(Some(SignedIn { token, session, device_cookie }))
    }
}
