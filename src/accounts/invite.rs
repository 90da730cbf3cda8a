use super::acts::{Act, Acted};
use super::row::Described;
use super::writing::groups_text;
use super::{Account, AccountError, Accounts, Invitation, InvitationCode, MailAddress, NewAccount};
use crate::domain::{Password, Timestamp};
use crate::store::StoreError;

/// More open invitations than this nobody has an eye on.
const MOST_INVITATIONS: i64 = 1_000;

/// So long after they have expired, invitations are still listed, for whoever wonders why nobody came.
const EXPIRED_STAYS: std::time::Duration = std::time::Duration::from_hours(24 * 30);

macro_rules! columns {
    () => {
        "id, name, display_name, mail, groups, second_factor, account_expires_at, invited_by, created_at, expires_at"
    };
}

/// An invitation's row.
#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    #[sqlx(flatten)]
    of: Described,
    account_expires_at: Option<i64>,
    invited_by: String,
    created_at: i64,
    expires_at: i64,
}

/// Invitations: each makes one account, once, for whoever has its code in time.
impl Accounts {
    /// Invites somebody to an account, in the name of `invited_by`. The code is given out here and never again.
    ///
    /// # Errors
    /// [`AccountError`] when the name or address is another's, or there are too many open ones.
    pub async fn invite(
        &self,
        of: NewAccount,
        invited_by: &str,
        by: Acted,
    ) -> Result<(InvitationCode, Invitation), AccountError> {
        let code = InvitationCode::generate()?;
        let now = self.now();
        let mut writing = self.write().await?;
        sqlx::query("DELETE FROM invitations WHERE expires_at <= ?")
            .bind((now - EXPIRED_STAYS).as_millis())
            .execute(&mut *writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        self.must_be_free(&mut writing, &of, None).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM invitations")
            .fetch_one(&mut *writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if count >= MOST_INVITATIONS {
            return Err(AccountError::TooMany(count));
        }
        let row: Row = sqlx::query_as(concat!(
            "INSERT INTO invitations (code_hash, name, display_name, mail, groups, account_expires_at, second_factor,
                 invited_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING ",
            columns!()
        ))
        .bind(code.hash().to_vec())
        .bind(of.name.as_str())
        .bind(&of.display_name)
        .bind(of.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_text(&of.groups))
        .bind(of.expires_at.map(Timestamp::as_millis))
        .bind(of.second_factor)
        .bind(invited_by)
        .bind(now.as_millis())
        .bind((now + self.inner.invitation_lasts).as_millis())
        .fetch_one(&mut *writing)
        .await
        .map_err(|error| self.query_failed(&error))?;
        self.note(&mut writing, by, Act::Invited, &of.name).await?;
        self.wrote(writing).await?;
        Ok((code, self.read_invitation(row)?))
    }

    /// The invitation that this code accepts; `None` when there is none, or it was accepted, withdrawn or has expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the code.
    pub async fn invitation(&self, code: &InvitationCode) -> Result<Option<Invitation>, StoreError> {
        let row: Option<Row> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM invitations WHERE code_hash = ? AND expires_at > ?"))
                .bind(code.hash().to_vec())
                .bind(self.now().as_millis())
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        row.map(|row| self.read_invitation(row)).transpose()
    }

    /// Every invitation that was neither accepted nor withdrawn, the newest first. Some may have expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM invitations ORDER BY id DESC"))
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        rows.into_iter().map(|row| self.read_invitation(row)).collect()
    }

    /// Accepts an invitation: makes its account, with the name to show and the password that its owner chose. The code
    /// is good no more, whoever else has it.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when the code accepts nothing (any more), [`AccountError::Password`] when the password is
    /// against the rules; then the invitation stays open.
    pub async fn accept(
        &self,
        code: &InvitationCode,
        display_name: Option<&str>,
        password: &Password,
    ) -> Result<Account, AccountError> {
        let invitation = self.invitation(code).await?.ok_or(AccountError::Gone)?;
        let mut of = invitation.of;
        // Neither what they were called nor what they call themselves makes a password.
        self.rules().judge(password, &of)?;
        if let Some(display_name) = display_name {
            display_name.clone_into(&mut of.display_name);
        }
        self.rules().judge(password, &of)?;
        let hash = self.inner.hashing.hash(password).await?;
        let mut writing = self.write().await?;
        // Taken and used up in one: of several who accept at once, one does.
        let taken = sqlx::query("DELETE FROM invitations WHERE code_hash = ? AND expires_at > ?")
            .bind(code.hash().to_vec())
            .bind(self.now().as_millis())
            .execute(&mut *writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if taken.rows_affected() == 0 {
            return Err(AccountError::Gone);
        }
        self.must_be_free(&mut writing, &of, Some(invitation.id)).await?;
        let account = self.insert(&mut writing, of, &hash).await?;
        self.wrote(writing).await?;
        Ok(account)
    }

    /// Withdraws an invitation, open or expired. Answers with it.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is none: it may have been accepted.
    pub async fn withdraw(&self, id: i64, by: Acted) -> Result<Invitation, AccountError> {
        let mut writing = self.write().await?;
        let row: Option<Row> = sqlx::query_as(concat!("DELETE FROM invitations WHERE id = ? RETURNING ", columns!()))
            .bind(id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        let withdrawn = self.read_invitation(row.ok_or(AccountError::Gone)?)?;
        self.note(&mut writing, by, Act::Withdrawn, &withdrawn.of.name).await?;
        self.wrote(writing).await?;
        Ok(withdrawn)
    }

    fn read_invitation(&self, row: Row) -> Result<Invitation, StoreError> {
        let Row { id, of, account_expires_at, invited_by, created_at, expires_at } = row;
        let of = of.read(account_expires_at).map_err(|reason| self.inner.store.damaged(&reason))?;
        let (created_at, expires_at) = (Timestamp::from_millis(created_at), Timestamp::from_millis(expires_at));
        Ok(Invitation { id, of, invited_by, created_at, expires_at })
    }
}
