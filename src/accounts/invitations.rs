use super::actions::ActionOrigin;
use super::service::MAX_ACCOUNTS;
use super::store::NewInvitation;
use super::{AccountError, AccountProfile, Invitation, InvitationCode, LocalAccount, LocalAccounts};
use crate::domain::Password;
use crate::store::StoreError;

/// The most open invitations: nobody has an eye on more.
const MAX_INVITATIONS: i64 = 1_000;

/// The time for which expired invitations are still listed, for whoever wonders why nobody came.
const KEEP_EXPIRED: std::time::Duration = std::time::Duration::from_hours(24 * 30);

/// Invitations. Each makes one account, once, for whoever has its code in time.
impl LocalAccounts {
    /// Invites somebody to an account, in the name of `invited_by`. The code is given out here and never again.
    ///
    /// # Errors
    /// [`AccountError`] when the name or address is another's, or there are too many open ones.
    pub async fn invite(
        &self,
        profile: AccountProfile,
        invited_by: &str,
        origin: ActionOrigin,
    ) -> Result<(InvitationCode, Invitation), AccountError> {
        let code = InvitationCode::generate()?;
        let stamp = self.stamp(origin);
        let invitation = NewInvitation {
            code_hash: &code.hash(),
            profile: &profile,
            invited_by,
            expires_at: stamp.at + self.inner.invitation_lasts,
        };
        let invitation = self.store().invite(invitation, MAX_INVITATIONS, stamp.at - KEEP_EXPIRED, stamp).await?;
        self.notify_subscribers();
        Ok((code, invitation))
    }

    /// The open invitation with this code; `None` when there is none, or it was accepted, withdrawn or has expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the code.
    pub async fn invitation(&self, code: &InvitationCode) -> Result<Option<Invitation>, StoreError> {
        self.store().invitation(&code.hash(), self.now()).await
    }

    /// Lists the invitations that were neither accepted nor withdrawn, the newest first. Some may have expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        self.store().invitations().await
    }

    /// Accepts an invitation: creates its account, with the display name and the password that its owner chose. The code
    /// is used up.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no open invitation with this code, [`AccountError::Password`] when the password is
    /// against the rules; then the invitation stays open.
    pub async fn accept(
        &self,
        code: &InvitationCode,
        display_name: Option<&str>,
        password: &Password,
    ) -> Result<LocalAccount, AccountError> {
        let invitation = self.invitation(code).await?.ok_or(AccountError::Gone)?;
        let mut profile = invitation.profile;
        // Neither the display name of the invitation nor the chosen one makes a password.
        self.rules().check(password, &profile)?;
        if let Some(display_name) = display_name {
            display_name.clone_into(&mut profile.display_name);
        }
        self.rules().check(password, &profile)?;
        let hash = self.inner.hashing.hash(password).await?;
        let account = self.store().accept(&code.hash(), &profile, &hash, MAX_ACCOUNTS, self.now()).await?;
        self.notify_subscribers();
        Ok(account)
    }

    /// Withdraws an invitation, open or expired, and returns it.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is none: it may have been accepted.
    pub async fn withdraw(&self, id: i64, origin: ActionOrigin) -> Result<Invitation, AccountError> {
        let withdrawn = self.store().withdraw(id, self.stamp(origin)).await?.ok_or(AccountError::Gone)?;
        self.notify_subscribers();
        Ok(withdrawn)
    }
}
