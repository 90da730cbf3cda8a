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
    pub upkeep: Revalidation,
    /// When the directory last said that they may be signed in.
    pub confirmed_at: Timestamp,
    /// From when on it opens nothing, unless the directory confirms it again. `None` when nobody can ask.
    pub stale_from: Option<Timestamp>,
    /// Where they signed in from.
    pub client: Client,
    /// When they last proved who they are with a password or a passkey.
    pub proved_at: Timestamp,
    /// When they last showed a second factor.
    pub second_factor_at: Option<Timestamp>,
    /// Whether they asked to stay signed in.
    pub stays: bool,
}

/// How a session begins.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// Whether the directory can be asked about the person again.
    pub upkeep: Revalidation,
    /// Whether a second factor was shown with the sign-in.
    pub second_factor: bool,
    /// Whether the person asked to stay signed in, and may.
    pub stays: bool,
}

impl Beginning {
    /// A sign-in by a password alone, in a browser that is closed some time.
    pub fn by_password(upkeep: Revalidation) -> Self {
        Self { upkeep, second_factor: false, stays: false }
    }
}

/// What somebody who is signed in has proved anew. Each gives their browser a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// Who they are, with a password.
    Password,
    /// That they have their second factor.
    SecondFactor,
    /// Both at once, with a passkey.
    Both,
}

impl Session {
    /// The moment from which it is no longer good, if nothing more is done.
    pub fn end(&self) -> Timestamp {
        self.idle_end.min(self.absolute_end)
    }

    /// Whether nobody could confirm it for too long.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.stale_from.is_some_and(|from| now >= from)
    }
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A session that is good.
    Good(Session),
    /// A session that has not ended and opens nothing: the directory could not be asked about its person for too long.
    /// It is good again as soon as the directory confirms it.
    Stale(Session),
    /// Nothing: there never was one, or it has ended.
    Nothing,
}

impl Found {
    /// The session, when it is good.
    pub fn good(self) -> Option<Session> {
        match self {
            Self::Good(session) => Some(session),
            Self::Stale(_) | Self::Nothing => None,
        }
    }

    /// The session that has not ended, good or not.
    pub fn any(self) -> Option<Session> {
        match self {
            Self::Good(session) | Self::Stale(session) => Some(session),
            Self::Nothing => None,
        }
    }
}

/// How long sessions last. All of it is reckoned from the settings of now, so that a shorter setting holds for the
/// sessions already there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// For those who asked to stay signed in, in place of both.
    pub(super) stay: Duration,
    /// Whether anybody may ask for that.
    pub(super) lets_stay: bool,
    pub(super) unrefreshed: Duration,
    pub(super) max_staleness: Duration,
}

impl Lifetimes {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        Self {
            idle: settings.idle,
            absolute: settings.absolute,
            // Whoever asked to stay while that was allowed stays as long as the others when it is not any more.
            stay: settings.stay.unwrap_or(settings.absolute),
            lets_stay: settings.stay.is_some(),
            unrefreshed: settings.unrefreshed.min(settings.absolute),
            max_staleness: settings.max_staleness,
        }
    }

    /// How long after the sign-in a session ends in any case.
    fn whole(self, times: Times) -> Duration {
        match times.upkeep {
            Revalidation::Refreshed if times.stays => self.stay,
            Revalidation::Refreshed => self.absolute,
            Revalidation::Unrefreshed => self.unrefreshed,
        }
    }

    /// How long it may be unused.
    pub(super) fn idle_of(self, stays: bool) -> Duration {
        if stays { self.idle.max(self.stay) } else { self.idle }
    }

    /// How the session of these times stands.
    pub(super) fn of(self, times: Times) -> Ends {
        Ends {
            idle: times.last_seen_at + self.idle_of(times.stays),
            absolute: times.created_at + self.whole(times),
            stale_from: (times.upkeep == Revalidation::Refreshed).then(|| times.confirmed_at + self.max_staleness),
        }
    }
}

/// What the ends of a session are reckoned from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) confirmed_at: Timestamp,
    pub(super) upkeep: Revalidation,
    pub(super) stays: bool,
}

impl Times {
    /// As a row has them. A word that a later version wrote is read as the shorter life.
    pub(super) fn read(created_at: i64, last_seen_at: i64, confirmed_at: i64, upkeep: &str, stays: bool) -> Self {
        Self {
            created_at: Timestamp::from_millis(created_at),
            last_seen_at: Timestamp::from_millis(last_seen_at),
            confirmed_at: Timestamp::from_millis(confirmed_at),
            upkeep: Revalidation::parse(upkeep).unwrap_or(Revalidation::Unrefreshed),
            stays,
        }
    }
}

/// When the person of a session proved what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proofs {
    pub(super) proved_at: Timestamp,
    pub(super) second_factor_at: Option<Timestamp>,
}

/// The first moments at which a session is no longer good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) idle: Timestamp,
    pub(super) absolute: Timestamp,
    pub(super) stale_from: Option<Timestamp>,
}

/// What of a session's row tells how it stands.
#[derive(sqlx::FromRow)]
pub(super) struct StandingRow {
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
pub(super) struct Row {
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

impl Row {
    pub(super) fn id(&self) -> SessionId {
        SessionId::new(self.id)
    }

    /// The session, or what about the row cannot be read.
    pub(super) fn session(self, lifetimes: Lifetimes) -> Result<Session, String> {
        let person = serde_json::from_slice(&self.person)
            .map_err(|error| format!("the person of session {} cannot be read: {error}", self.id))?;
        let address = self
            .address
            .map(|text| text.parse().map_err(|_| format!("the address of session {} is not an address", self.id)))
            .transpose()?;
        let times = Times::read(self.created_at, self.last_seen_at, self.confirmed_at, &self.upkeep, self.stays);
        let proofs = Proofs {
            proved_at: Timestamp::from_millis(self.proved_at),
            second_factor_at: self.second_factor_at.map(Timestamp::from_millis),
        };
        let client = Client::new(address, self.user_agent.as_deref());
        Ok(Session::of(SessionId::new(self.id), person, times, proofs, client, lifetimes))
    }
}

impl Session {
    pub(super) fn of(
        id: SessionId,
        person: Person,
        times: Times,
        proofs: Proofs,
        client: Client,
        lifetimes: Lifetimes,
    ) -> Self {
        let ends = lifetimes.of(times);
        Self {
            id,
            person,
            created_at: times.created_at,
            last_seen_at: times.last_seen_at,
            idle_end: ends.idle,
            absolute_end: ends.absolute,
            upkeep: times.upkeep,
            confirmed_at: times.confirmed_at,
            stale_from: ends.stale_from,
            client,
            proved_at: proofs.proved_at,
            second_factor_at: proofs.second_factor_at,
            stays: times.stays,
        }
    }
}
