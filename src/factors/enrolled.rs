use crate::domain::{PersonId, Timestamp};

/// The factors that a person has enrolled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrolledFactors {
    /// Their authenticator app: when it was enrolled, and when it was last used.
    pub app: Option<(Timestamp, Option<Timestamp>)>,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// The number of recovery codes left.
    pub recovery_codes: usize,
    /// The last change, in words, and when it was.
    pub changed: Option<(String, Timestamp)>,
}

impl EnrolledFactors {
    /// Whether there is any factor. Recovery codes alone are none.
    pub fn has_factor(&self) -> bool {
        self.since().is_some()
    }

    /// Since when there has been one: the oldest of those that are left.
    pub fn since(&self) -> Option<Timestamp> {
        let app = self.app.map(|(enrolled_at, _)| enrolled_at);
        self.passkeys.iter().map(|passkey| passkey.created_at).chain(app).min()
    }
}

/// The id of a passkey in lists and forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct PasskeyId(i64);

impl PasskeyId {
    /// The passkey with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

/// A passkey in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// The name that its owner gave it.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A person who has a factor, in the admins' list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorOwner {
    /// The person.
    pub person: PersonId,
    /// The account's name as pages name it, in lower case.
    pub name: String,
    /// Whether they have an app.
    pub app: bool,
    /// The number of their passkeys.
    pub passkeys: usize,
    /// The number of recovery codes left.
    pub recovery_codes: usize,
}
