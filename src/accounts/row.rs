use super::{AccountGroup, AccountId, AccountProfile, LocalAccount, MailAddress};
use crate::domain::Timestamp;

/// An account's row, without its secrets.
#[derive(sqlx::FromRow)]
pub(super) struct StoredAccount {
    id: String,
    #[sqlx(flatten)]
    profile: ProfileColumns,
    expires_at: Option<i64>,
    created_at: i64,
    disabled_at: Option<i64>,
    password_set_at: i64,
    has_digest: bool,
}

/// The columns of a profile, which the rows of accounts and of invitations have in common.
#[derive(sqlx::FromRow)]
pub(super) struct ProfileColumns {
    name: String,
    display_name: String,
    mail: Option<String>,
    groups: String,
    second_factor: bool,
}

/// The columns of an account's row, for the statements that read one.
macro_rules! columns {
    () => {
        "id, name, display_name, mail, groups, second_factor, expires_at, created_at, disabled_at, password_set_at, \
         digest IS NOT NULL AS has_digest"
    };
}
pub(super) use columns;

impl StoredAccount {
    /// The account, or an error that says what about the row cannot be read.
    pub(super) fn into_account(self) -> Result<LocalAccount, String> {
        let id = AccountId::parse(&self.id).ok_or_else(|| format!("{:?} is not the id of an account", self.id))?;
        Ok(LocalAccount {
            id,
            profile: self.profile.into_profile(self.expires_at)?,
            created_at: Timestamp::from_millis(self.created_at),
            disabled_at: self.disabled_at.map(Timestamp::from_millis),
            password_set_at: Timestamp::from_millis(self.password_set_at),
            has_digest: self.has_digest,
        })
    }
}

impl ProfileColumns {
    /// The profile, or an error that says what about it cannot be read.
    pub(super) fn into_profile(self, expires_at: Option<i64>) -> Result<AccountProfile, String> {
        let Self { name, display_name, mail, groups, second_factor } = self;
        let unreadable = |error: &dyn std::fmt::Display| format!("the account {name:?} cannot be read: {error}");
        let groups: Vec<String> = serde_json::from_str(&groups).map_err(|error| unreadable(&error))?;
        let groups = groups.iter().map(|group| group.parse::<AccountGroup>()).collect::<Result<_, _>>();
        Ok(AccountProfile {
            name: name.parse().map_err(|error| unreadable(&error))?,
            groups: groups.map_err(|error| unreadable(&error))?,
            mail: mail.map(|mail| mail.parse::<MailAddress>()).transpose().map_err(|error| unreadable(&error))?,
            display_name,
            expires_at: expires_at.map(Timestamp::from_millis),
            second_factor,
        })
    }
}
