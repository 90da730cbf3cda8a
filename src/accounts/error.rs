use super::rules::PasswordRuleViolation;
use super::{AccountName, MailAddress};
use crate::store::StoreError;

/// The error when an account is not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is an account of that name, or an invitation to it.
    #[error("there is an account local\\{0}, or an open invitation to it: choose another name, or remove that one first")]
    NameTaken(AccountName),
    /// Another account, or an open invitation, has that address.
    #[error("the address {0} is that of another account or open invitation: leave it out, or remove that one first")]
    MailTaken(MailAddress),
    /// There is no account of that name.
    #[error("there is no account local\\{0}: `belvedere account list` shows them all")]
    NoSuchAccount(AccountName),
    /// The account or invitation is gone since it was listed.
    #[error("the account is gone, or the invitation was accepted, withdrawn or has expired: look at the list again")]
    Gone,
    /// There are as many as this program is made for.
    #[error("there are {0} already, which is more than anybody looks after: remove some first")]
    TooMany(i64),
    /// The password is against the rules.
    #[error(transparent)]
    Password(#[from] PasswordRuleViolation),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
