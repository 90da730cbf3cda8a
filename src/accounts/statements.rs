use sqlx::{Database, Encode, QueryBuilder, Type};

use super::row::{COLUMNS, groups_json};
use super::{AccountChange, AccountError, AccountId, AccountProfile};
use crate::domain::Timestamp;

/// The statement that makes a change to an account at that time, and returns its row.
pub(super) fn change_statement<DB: Database>(id: &AccountId, change: &AccountChange, at: Timestamp) -> QueryBuilder<DB>
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    Option<Vec<u8>>: for<'q> Encode<'q, DB> + Type<DB>,
    Timestamp: for<'q> Encode<'q, DB> + Type<DB>,
{
    let is_removed = matches!(change, AccountChange::Removed);
    let mut query = QueryBuilder::new(if is_removed { "DELETE FROM accounts" } else { "UPDATE accounts SET " });
    match change {
        AccountChange::Password(hash) => {
            query.push("password_hash = ").push_bind(hash.clone());
            query.push(", digest = NULL, password_set_at = ").push_bind(at)
        }
        AccountChange::Disabled(true) => query.push("disabled_at = coalesce(disabled_at, ").push_bind(at).push(")"),
        AccountChange::Disabled(false) => query.push("disabled_at = NULL"),
        AccountChange::Groups(groups) => query.push("groups = ").push_bind(groups_json(groups)),
        AccountChange::Digest(sealed, _) => query.push("digest = ").push_bind(sealed.clone()),
        AccountChange::Removed => &mut query,
    };
    query.push(" WHERE id = ").push_bind(id.as_str().to_owned());
    if let AccountChange::Digest(_, password_set_at) = change {
        query.push(" AND password_set_at = ").push_bind(*password_set_at);
    }
    query.push(format_args!(" RETURNING {COLUMNS}"));
    query
}

/// The refusal of a profile whose name or address somebody else has.
pub(super) fn refuse_taken(profile: &AccountProfile, name_taken: bool, mail_taken: bool) -> Result<(), AccountError> {
    match &profile.mail {
        _ if name_taken => Err(AccountError::NameTaken(profile.name.clone())),
        Some(mail) if mail_taken => Err(AccountError::MailTaken(mail.clone())),
        _ => Ok(()),
    }
}
