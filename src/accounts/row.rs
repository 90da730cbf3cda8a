use super::{AccountGroup, AccountId, AccountProfile, Invitation, LocalAccount, MailAddress};
use crate::domain::Timestamp;

/// An account's row, without its secrets.
#[derive(sqlx::FromRow)]
pub(super) struct StoredAccount {
    id: String,
    #[sqlx(flatten)]
    profile: ProfileColumns,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    disabled_at: Option<Timestamp>,
    password_set_at: Timestamp,
    has_digest: bool,
}

/// The columns of a profile, which the rows of accounts and of invitations have in common.
#[derive(sqlx::FromRow)]
struct ProfileColumns {
    name: String,
    display_name: String,
    mail: Option<String>,
    groups: String,
    second_factor: bool,
}

/// The columns of an account's row, for the statements that read one.
pub(super) const COLUMNS: &str = "id, name, display_name, mail, groups, second_factor, expires_at, created_at, disabled_at, \
                                  password_set_at, digest IS NOT NULL AS has_digest";

/// An invitation's row.
#[derive(sqlx::FromRow)]
pub(super) struct StoredInvitation {
    id: i64,
    #[sqlx(flatten)]
    profile: ProfileColumns,
    account_expires_at: Option<Timestamp>,
    invited_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// The columns of an invitation's row, likewise.
pub(super) const INVITATION_COLUMNS: &str =
    "id, name, display_name, mail, groups, second_factor, account_expires_at, invited_by, created_at, expires_at";

impl StoredInvitation {
    /// The invitation, or an error that says what about the row cannot be read.
    pub(super) fn into_invitation(self) -> Result<Invitation, String> {
        let Self { id, profile, account_expires_at, invited_by, created_at, expires_at } = self;
        Ok(Invitation { id, profile: profile.into_profile(account_expires_at)?, invited_by, created_at, expires_at })
    }
}

impl StoredAccount {
    /// The account, or an error that says what about the row cannot be read.
    pub(super) fn into_account(self) -> Result<LocalAccount, String> {
        let id = AccountId::parse(&self.id).ok_or_else(|| format!("{:?} is not the id of an account", self.id))?;
        Ok(LocalAccount {
            id,
            profile: self.profile.into_profile(self.expires_at)?,
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            password_set_at: self.password_set_at,
            has_digest: self.has_digest,
        })
    }
}

impl ProfileColumns {
    /// The profile, or an error that says what about it cannot be read.
    fn into_profile(self, expires_at: Option<Timestamp>) -> Result<AccountProfile, String> {
        let Self { name, display_name, mail, groups, second_factor } = self;
        let unreadable = |error: &dyn std::fmt::Display| format!("the account {name:?} cannot be read: {error}");
        let groups: Vec<String> = serde_json::from_str(&groups).map_err(|error| unreadable(&error))?;
        let groups = groups.iter().map(|group| group.parse::<AccountGroup>()).collect::<Result<_, _>>();
        Ok(AccountProfile {
            name: name.parse().map_err(|error| unreadable(&error))?,
            groups: groups.map_err(|error| unreadable(&error))?,
            mail: mail.map(|mail| mail.parse::<MailAddress>()).transpose().map_err(|error| unreadable(&error))?,
            display_name,
            expires_at,
            second_factor,
        })
    }
}

/// The JSON of groups in a row.
pub(super) fn groups_json(groups: &[AccountGroup]) -> String {
    let mut names: Vec<&str> = groups.iter().map(AccountGroup::as_str).collect();
    names.sort_unstable();
    names.dedup();
    serde_json::Value::from(names).to_string()
}
