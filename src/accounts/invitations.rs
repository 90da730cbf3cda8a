use super::actions::{AccountAction, ActionOrigin};
use super::row::ProfileColumns;
use super::transaction::groups_json;
use super::{AccountError, AccountProfile, Invitation, InvitationCode, LocalAccount, LocalAccounts, MailAddress};
use crate::domain::{Password, Timestamp};
use crate::store::StoreError;

/// The most open invitations: nobody has an eye on more.
const MAX_INVITATIONS: i64 = 1_000;

/// The time for which expired invitations are still listed, for whoever wonders why nobody came.
const KEEP_EXPIRED: std::time::Duration = std::time::Duration::from_hours(24 * 30);

macro_rules! columns {
    () => {
        "id, name, display_name, mail, groups, second_factor, account_expires_at, invited_by, created_at, expires_at"
    };
}

/// An invitation's row.
#[derive(sqlx::FromRow)]
struct StoredInvitation {
    id: i64,
    #[sqlx(flatten)]
    profile: ProfileColumns,
    account_expires_at: Option<i64>,
    invited_by: String,
    created_at: i64,
    expires_at: i64,
}

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
        let now = self.now();
        let mut transaction = self.begin_write().await?;
        sqlx::query("DELETE FROM invitations WHERE expires_at <= ?")
            .bind((now - KEEP_EXPIRED).as_millis())
            .execute(&mut *transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        self.check_available(&mut transaction, &profile, None).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM invitations")
            .fetch_one(&mut *transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if count >= MAX_INVITATIONS {
            return Err(AccountError::TooMany(count));
        }
        let row: StoredInvitation = sqlx::query_as(concat!(
            "INSERT INTO invitations (code_hash, name, display_name, mail, groups, account_expires_at, second_factor,
                 invited_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING ",
            columns!()
        ))
        .bind(code.hash().to_vec())
        .bind(profile.name.as_str())
        .bind(&profile.display_name)
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(profile.expires_at.map(Timestamp::as_millis))
        .bind(profile.second_factor)
        .bind(invited_by)
        .bind(now.as_millis())
        .bind((now + self.inner.invitation_lasts).as_millis())
        .fetch_one(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        self.record_action(&mut transaction, origin, AccountAction::Invited, &profile.name).await?;
        self.commit(transaction).await?;
        Ok((code, self.read_invitation(row)?))
    }

    /// The open invitation with this code; `None` when there is none, or it was accepted, withdrawn or has expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the code.
    pub async fn invitation(&self, code: &InvitationCode) -> Result<Option<Invitation>, StoreError> {
        let row: Option<StoredInvitation> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM invitations WHERE code_hash = ? AND expires_at > ?"))
                .bind(code.hash().to_vec())
                .bind(self.now().as_millis())
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        row.map(|row| self.read_invitation(row)).transpose()
    }

    /// Lists the invitations that were neither accepted nor withdrawn, the newest first. Some may have expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let rows: Vec<StoredInvitation> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM invitations ORDER BY id DESC"))
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        rows.into_iter().map(|row| self.read_invitation(row)).collect()
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
        let mut transaction = self.begin_write().await?;
        // Checked and used up in one statement: of several who accept at once, one does.
        let taken = sqlx::query("DELETE FROM invitations WHERE code_hash = ? AND expires_at > ?")
            .bind(code.hash().to_vec())
            .bind(self.now().as_millis())
            .execute(&mut *transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if taken.rows_affected() == 0 {
            return Err(AccountError::Gone);
        }
        self.check_available(&mut transaction, &profile, Some(invitation.id)).await?;
        let account = self.insert(&mut transaction, profile, &hash).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// Withdraws an invitation, open or expired, and returns it.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is none: it may have been accepted.
    pub async fn withdraw(&self, id: i64, origin: ActionOrigin) -> Result<Invitation, AccountError> {
        let mut transaction = self.begin_write().await?;
        let row: Option<StoredInvitation> =
            sqlx::query_as(concat!("DELETE FROM invitations WHERE id = ? RETURNING ", columns!()))
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(|error| self.query_failed(&error))?;
        let withdrawn = self.read_invitation(row.ok_or(AccountError::Gone)?)?;
        self.record_action(&mut transaction, origin, AccountAction::Withdrawn, &withdrawn.profile.name).await?;
        self.commit(transaction).await?;
        Ok(withdrawn)
    }

    fn read_invitation(&self, row: StoredInvitation) -> Result<Invitation, StoreError> {
        let StoredInvitation { id, profile, account_expires_at, invited_by, created_at, expires_at } = row;
        let profile = profile.into_profile(account_expires_at).map_err(|reason| self.inner.store.damaged(&reason))?;
        let (created_at, expires_at) = (Timestamp::from_millis(created_at), Timestamp::from_millis(expires_at));
        Ok(Invitation { id, profile, invited_by, created_at, expires_at })
    }
}
