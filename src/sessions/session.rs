use std::time::Duration;

use crate::config::SessionSettings;
use crate::domain::{Client, Person, Revalidation, SessionId, Timestamp};

/// Somebody's being signed in, in one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name in logs and lists.
    pub id: SessionId,
    /// Who it is, as the directory described them when it was last asked.
    pub person: Person,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they last did something, to about a minute.
    pub last_seen_at: Timestamp,
    /// When it ends if nothing more is done.
    pub idle_end: Timestamp,
    /// When it ends whatever is done.
    pub absolute_end: Timestamp,
    /// How what is known of the person is kept true.
    pub revalidation: Revalidation,
    /// When the directory last said that they may be signed in.
    pub confirmed_at: Timestamp,
    /// From when on it opens nothing, unless the directory confirms it again. `None` when nobody can ask.
    pub stale_from: Option<Timestamp>,
    /// Where they signed in from.
    pub client: Client,
    /// When they last proved who they are with a password or a passkey.
    pub authenticated_at: Timestamp,
    /// When they last showed a second factor.
    pub second_factor_at: Option<Timestamp>,
    /// Whether they asked to stay signed in.
    pub stay_signed_in: bool,
}

/// How a session begins.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    /// Whether the directory can be asked about the person again.
    pub revalidation: Revalidation,
    /// Whether a second factor was shown with the sign-in.
    pub second_factor: bool,
    /// Whether the person asked to stay signed in, and may.
    pub stay_signed_in: bool,
}

impl SessionOptions {
    /// A sign-in by a password alone, in a browser that is closed some time.
    pub fn password_only(revalidation: Revalidation) -> Self {
        Self { revalidation, second_factor: false, stay_signed_in: false }
    }
}

/// What somebody who is signed in has proved anew. Each gives their browser a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reauthentication {
    /// Who they are, with a password.
    Password,
    /// That they have their second factor.
    SecondFactor,
    /// Both at once, with a passkey.
    Both,
}

impl Session {
    /// The moment from which it is no longer good, if nothing more is done.
    pub fn expires_at(&self) -> Timestamp {
        self.idle_end.min(self.absolute_end)
    }

    /// Whether nobody could confirm it for too long.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.stale_from.is_some_and(|from| now >= from)
    }
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup {
    /// A session that is good.
    Valid(Session),
    /// A session that has not ended and opens nothing: the directory could not be asked about its person for too long.
    /// It is good again as soon as the directory confirms it.
    Stale(Session),
    /// Nothing: there never was one, or it has ended.
    NotFound,
}

impl SessionLookup {
    /// The session, when it is good.
    pub fn valid(self) -> Option<Session> {
        match self {
            Self::Valid(session) => Some(session),
            Self::Stale(_) | Self::NotFound => None,
        }
    }

    /// The session that has not ended, good or not.
    pub fn valid_or_stale(self) -> Option<Session> {
        match self {
            Self::Valid(session) | Self::Stale(session) => Some(session),
            Self::NotFound => None,
        }
    }
}

/// How long sessions last. All of it is reckoned from the settings of now, so that a shorter setting holds for the
/// sessions already there.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionLifetimes {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// For those who asked to stay signed in, in place of both.
    pub(super) stay: Duration,
    /// Whether anybody may ask for that.
    pub(super) stay_allowed: bool,
    pub(super) unrefreshed: Duration,
    pub(super) max_staleness: Duration,
}

impl SessionLifetimes {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        Self {
            idle: settings.idle,
            absolute: settings.absolute,
            // Whoever asked to stay while that was allowed stays as long as the others when it is not any more.
            stay: settings.stay.unwrap_or(settings.absolute),
            stay_allowed: settings.stay.is_some(),
            unrefreshed: settings.unrefreshed.min(settings.absolute),
            max_staleness: settings.max_staleness,
        }
    }

    /// How long after the sign-in a session ends in any case.
    fn absolute_for(self, times: SessionTimes) -> Duration {
        match times.revalidation {
            Revalidation::Refreshed if times.stay_signed_in => self.stay,
            Revalidation::Refreshed => self.absolute,
            Revalidation::Unrefreshed => self.unrefreshed,
        }
    }

    /// How long it may be unused.
    pub(super) fn idle_for(self, stays: bool) -> Duration {
        if stays { self.idle.max(self.stay) } else { self.idle }
    }

    /// How the session of these times stands.
    pub(super) fn expiry(self, times: SessionTimes) -> SessionExpiry {
        SessionExpiry {
            idle: times.last_seen_at + self.idle_for(times.stay_signed_in),
            absolute: times.created_at + self.absolute_for(times),
            stale_from: (times.revalidation == Revalidation::Refreshed)
                .then(|| times.confirmed_at + self.max_staleness),
        }
    }
}

/// What the ends of a session are reckoned from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionTimes {
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) confirmed_at: Timestamp,
    pub(super) revalidation: Revalidation,
    pub(super) stay_signed_in: bool,
}

impl SessionTimes {
    /// As a row has them. A word that a later version wrote is read as the shorter life.
    pub(super) fn from_row(
        created_at: i64,
        last_seen_at: i64,
        confirmed_at: i64,
        upkeep: &str,
        stay_signed_in: bool,
    ) -> Self {
        Self {
            created_at: Timestamp::from_millis(created_at),
            last_seen_at: Timestamp::from_millis(last_seen_at),
            confirmed_at: Timestamp::from_millis(confirmed_at),
            revalidation: Revalidation::parse(upkeep).unwrap_or(Revalidation::Unrefreshed),
            stay_signed_in,
        }
    }
}

/// When the person of a session proved what.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuthenticationTimes {
    pub(super) authenticated_at: Timestamp,
    pub(super) second_factor_at: Option<Timestamp>,
}

/// The first moments at which a session is no longer good.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionExpiry {
    pub(super) idle: Timestamp,
    pub(super) absolute: Timestamp,
    pub(super) stale_from: Option<Timestamp>,
}

/// What of a session's row tells how it stands.
#[derive(sqlx::FromRow)]
pub(super) struct SessionStatusRow {
    pub(super) id: i64,
    pub(super) created_at: i64,
    pub(super) last_seen_at: i64,
    pub(super) confirmed_at: i64,
    pub(super) upkeep: String,
    pub(super) stays: bool,
    pub(super) person: Vec<u8>,
    pub(super) end_reason: Option<String>,
}

/// A session's row, before its person is read.
#[derive(sqlx::FromRow)]
pub(super) struct StoredSession {
    id: i64,
    /// Bytes, since a damaged row may hold anything: it must not keep the rows beside it from being read.
    person: Vec<u8>,
    created_at: i64,
    last_seen_at: i64,
    confirmed_at: i64,
    upkeep: String,
    address: Option<String>,
    user_agent: Option<String>,
    proved_at: i64,
    second_factor_at: Option<i64>,
    stays: bool,
}

/// What is read of a row, for the statements that read one.
macro_rules! columns {
    () => {
        "id, person, created_at, last_seen_at, confirmed_at, upkeep, address, user_agent, proved_at, second_factor_at, \
         stays"
    };
}
pub(super) use columns;

impl StoredSession {
    pub(super) fn id(&self) -> SessionId {
        SessionId::new(self.id)
    }

    /// The session, or what about the row cannot be read.
    pub(super) fn into_session(self, lifetimes: SessionLifetimes) -> Result<Session, String> {
        let person = serde_json::from_slice(&self.person)
            .map_err(|error| format!("the person of session {} cannot be read: {error}", self.id))?;
        let address = self
            .address
            .map(|text| text.parse().map_err(|_| format!("the address of session {} is not an address", self.id)))
            .transpose()?;
        let times =
            SessionTimes::from_row(self.created_at, self.last_seen_at, self.confirmed_at, &self.upkeep, self.stays);
        let proofs = AuthenticationTimes {
            authenticated_at: Timestamp::from_millis(self.proved_at),
            second_factor_at: self.second_factor_at.map(Timestamp::from_millis),
        };
        let client = Client::new(address, self.user_agent.as_deref());
        Ok(Session::from_parts(SessionId::new(self.id), person, times, proofs, client, lifetimes))
    }
}

impl Session {
    pub(super) fn from_parts(
        id: SessionId,
        person: Person,
        times: SessionTimes,
        proofs: AuthenticationTimes,
        client: Client,
        lifetimes: SessionLifetimes,
    ) -> Self {
        let ends = lifetimes.expiry(times);
        Self {
            id,
            person,
            created_at: times.created_at,
            last_seen_at: times.last_seen_at,
            idle_end: ends.idle,
            absolute_end: ends.absolute,
            revalidation: times.revalidation,
            confirmed_at: times.confirmed_at,
            stale_from: ends.stale_from,
            client,
            authenticated_at: proofs.authenticated_at,
            second_factor_at: proofs.second_factor_at,
            stay_signed_in: times.stay_signed_in,
        }
    }
}
