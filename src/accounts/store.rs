use async_trait::async_trait;

use super::{
    AccountAction, AccountError, AccountGroup, AccountId, AccountName, AccountProfile, ActionOrigin, CommandLineAction,
    Invitation, LocalAccount, MailAddress,
};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// A unique property by which one account is looked up.
#[derive(Clone, Copy, Debug)]
pub enum AccountSelector<'a> {
    /// Its id.
    Id(&'a AccountId),
    /// Its name.
    Name(&'a AccountName),
    /// Exactly its mail address.
    Mail(&'a MailAddress),
}

/// A change of one account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// It has a password with this hash, and Digest is off, as that was made from the one before.
    Password(String),
    /// It is disabled, since the first time that was said; or enabled.
    Disabled(bool),
    /// It is in these groups and no others.
    Groups(Vec<AccountGroup>),
    /// It has these credentials for Digest, encrypted by the caller, or none, if its password is still the one that was set at that time.
    Digest(Option<Vec<u8>>, Timestamp),
    /// It is gone for good. One that is created later under the same name is another.
    Removed,
}

impl AccountChange {
    /// Its name in the audit.
    pub fn action(&self) -> AccountAction {
        match self {
            Self::Password(_) => AccountAction::PasswordSet,
            Self::Disabled(true) => AccountAction::Disabled,
            Self::Disabled(false) => AccountAction::Enabled,
            Self::Groups(_) => AccountAction::GroupsSet,
            Self::Digest(Some(_), _) => AccountAction::DigestOn,
            Self::Digest(None, _) => AccountAction::DigestOff,
            Self::Removed => AccountAction::Removed,
        }
    }
}

/// When something is written, and by which process: what the command line does is recorded together with it.
#[derive(Clone, Copy, Debug)]
pub struct WriteStamp {
    /// Now.
    pub at: Timestamp,
    /// Who writes it.
    pub origin: ActionOrigin,
}

/// An invitation to be inserted.
#[derive(Clone, Copy, Debug)]
pub struct NewInvitation<'a> {
    /// The hash of its code.
    pub code_hash: &'a [u8; 32],
    /// The profile of the account that it makes.
    pub profile: &'a AccountProfile,
    /// The name of whoever invites.
    pub invited_by: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Where local accounts and invitations to them are kept. Every method is one statement or one transaction, so that several
/// processes may call it at the same time: names and addresses are one account's or invitation's, and a code makes one account.
///
/// Every method fails with a [`StoreError`] when the store cannot be asked: that says nothing about an account.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// All accounts, by name.
    async fn all(&self) -> Result<Vec<LocalAccount>, StoreError>;

    /// One account.
    async fn find(&self, key: AccountSelector<'_>) -> Result<Option<LocalAccount>, StoreError>;

    /// The hash of an account's password.
    async fn password_hash(&self, id: &AccountId) -> Result<Option<String>, StoreError>;

    /// Replaces an outdated hash, unless the password was changed meanwhile.
    async fn replace_hash(&self, id: &AccountId, outdated: &str, hash: &str) -> Result<(), StoreError>;

    /// The sealed credentials of an account for Digest.
    async fn digest(&self, id: &AccountId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Inserts an account, unless its name or address is taken, or there are `most`.
    async fn insert(
        &self,
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        stamp: WriteStamp,
    ) -> Result<LocalAccount, AccountError>;

    /// Changes an account, and returns it as it is then, or was. `None` when there is none that the change is for.
    async fn change(
        &self,
        id: &AccountId,
        change: &AccountChange,
        stamp: WriteStamp,
    ) -> Result<Option<LocalAccount>, StoreError>;

    /// Inserts an invitation, unless its name or address is taken, or there are `most`. Those that expired at `forgotten` or
    /// before are deleted.
    async fn invite(
        &self,
        invitation: NewInvitation<'_>,
        most: i64,
        forgotten: Timestamp,
        stamp: WriteStamp,
    ) -> Result<Invitation, AccountError>;

    /// The invitation with this code, unless it has expired.
    async fn invitation(&self, code_hash: &[u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError>;

    /// All invitations, expired ones too, the newest first.
    async fn invitations(&self) -> Result<Vec<Invitation>, StoreError>;

    /// Uses up an invitation and inserts its account, as [`Self::insert`] does: of several who accept at once, one does.
    /// Otherwise the invitation stays, and the error says why.
    async fn accept(
        &self,
        code_hash: &[u8; 32],
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        now: Timestamp,
    ) -> Result<LocalAccount, AccountError>;

    /// Deletes an invitation and returns it.
    async fn withdraw(&self, id: i64, stamp: WriteStamp) -> Result<Option<Invitation>, StoreError>;

    /// Takes the oldest of the command line's actions: each is given once. None is left when there are none.
    async fn take_actions(&self) -> Result<Vec<CommandLineAction>, StoreError>;

    /// Whether anybody has written since the last call, or an account has expired after `since` until `now`. Cheap enough to be
    /// asked twice a second. The first call, and one after a failure, says yes.
    async fn has_changed(&self, since: Timestamp, now: Timestamp) -> Result<bool, StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
