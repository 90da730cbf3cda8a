use std::time::Duration;

use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::config::SessionSettings;
use crate::domain::{Client, Person, PersonEpoch, Revalidation, SessionId, Timestamp};

/// A session: one person signed in, in one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id in logs and lists.
    pub id: SessionId,
    /// The person, as the directory described them when it was last asked.
    pub person: Person,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_at: Timestamp,
    /// When it ends if it is not used again.
    pub idle_end: Timestamp,
    /// When it ends however much it is used.
    pub absolute_end: Timestamp,
    /// Whether the directory can be asked about the person again.
    pub revalidation: Revalidation,
    /// When the directory last confirmed that they may be signed in.
    pub confirmed_at: Timestamp,
    /// From when on it grants nothing until the directory confirms it again. `None` when nobody can ask.
    pub stale_from: Option<Timestamp>,
    /// The address and browser they signed in from.
    pub client: Client,
    /// When they last authenticated with a password or a passkey.
    pub authenticated_at: Timestamp,
    /// When they last authenticated with a second factor.
    pub second_factor_at: Option<Timestamp>,
    /// Whether they asked to stay signed in.
    pub stay_signed_in: bool,
}

/// The options of a new session.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    /// Whether the directory can be asked about the person again.
    pub revalidation: Revalidation,
    /// Whether the sign-in included a second factor.
    pub second_factor: bool,
    /// Whether the person asked to stay signed in, and may.
    pub stay_signed_in: bool,
    /// The epoch that was noted before the person was authenticated.
    pub epoch: PersonEpoch,
}

impl SessionOptions {
    /// A sign-in by password alone, without "stay signed in", in an epoch before every bump.
    pub fn password_only(revalidation: Revalidation) -> Self {
        Self { revalidation, second_factor: false, stay_signed_in: false, epoch: PersonEpoch::default() }
    }
}

/// The kind of a re-authentication within a session. Each gives the browser a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reauthentication {
    /// With the password.
    Password,
    /// With the second factor.
    SecondFactor,
    /// With both at once: a passkey.
    Both,
}

impl Reauthentication {
    /// Adds the times that it sets, each behind a comma.
    pub(super) fn push_times<DB: Database>(self, query: &mut QueryBuilder<DB>, at: Timestamp)
    where
        Timestamp: for<'q> Encode<'q, DB> + Type<DB>,
    {
        if matches!(self, Self::Password | Self::Both) {
            query.push(", proved_at = ").push_bind(at);
        }
        if matches!(self, Self::SecondFactor | Self::Both) {
            query.push(", second_factor_at = ").push_bind(at);
        }
    }
}

impl Session {
    /// The moment from which it is no longer valid, if it is not used again.
    pub fn expires_at(&self) -> Timestamp {
        self.idle_end.min(self.absolute_end)
    }

    /// Whether it was last confirmed too long ago.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.stale_from.is_some_and(|from| now >= from)
    }
}

/// The outcome of looking up a session by its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup {
    /// A valid session.
    Valid(Session),
    /// A session that has not ended and grants nothing: the directory could not be asked about its person for too long.
    /// It is valid again as soon as the directory confirms it.
    Stale(Session),
    /// No session: there never was one, or it has ended.
    NotFound,
}

impl SessionLookup {
    /// The session, when it is valid.
    pub fn valid(self) -> Option<Session> {
        match self {
            Self::Valid(session) => Some(session),
            Self::Stale(_) | Self::NotFound => None,
        }
    }

    /// The session that has not ended, valid or stale.
    pub fn valid_or_stale(self) -> Option<Session> {
        match self {
            Self::Valid(session) | Self::Stale(session) => Some(session),
            Self::NotFound => None,
        }
    }
}

/// The lifetimes of sessions, from the current settings, so that a shorter setting holds for existing sessions too.
#[derive(Clone, Copy, Debug)]
pub struct SessionLifetimes {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// In place of both, with "stay signed in".
    pub(super) stay: Duration,
    /// Whether the settings allow "stay signed in".
    pub(super) stay_allowed: bool,
    pub(super) unrefreshed: Duration,
    pub(super) max_staleness: Duration,
}

impl SessionLifetimes {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        Self {
            idle: settings.idle,
            absolute: settings.absolute,
            // A session that asked to stay while that was allowed lasts as long as the others when it is not any more.
            stay: settings.stay.unwrap_or(settings.absolute),
            stay_allowed: settings.stay.is_some(),
            unrefreshed: settings.unrefreshed.min(settings.absolute),
            max_staleness: settings.max_staleness,
        }
    }

    /// How long after the sign-in a session ends, however much it is used.
    pub(super) fn absolute_for(self, revalidation: Revalidation, stay_signed_in: bool) -> Duration {
        match revalidation {
            Revalidation::Refreshed if stay_signed_in => self.stay,
            Revalidation::Refreshed => self.absolute,
            Revalidation::Unrefreshed => self.unrefreshed,
        }
    }

    /// How long a session may be unused.
    pub(super) fn idle_for(self, stay_signed_in: bool) -> Duration {
        if stay_signed_in { self.idle.max(self.stay) } else { self.idle }
    }

    /// From when on a session grants nothing until it is confirmed again; `None` when nobody can ask.
    pub(super) fn stale_from(self, revalidation: Revalidation, confirmed_at: Timestamp) -> Option<Timestamp> {
        (revalidation == Revalidation::Refreshed).then(|| confirmed_at + self.max_staleness)
    }
}
