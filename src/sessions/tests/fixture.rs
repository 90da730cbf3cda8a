//! A session store in a temporary folder, with a manual clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::SessionSettings;
use crate::domain::{Client, Clock as _, EndReason, Group, GroupId, ManualClock, Person, Revalidation, Timestamp};
use crate::sessions::{Session, SessionOptions, SessionToken, Sessions};
use crate::store::{RowEvent, RowWatch};

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const IDLE: Duration = Duration::from_mins(30);
pub(super) const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
pub(super) const ABSOLUTE: Duration = Duration::from_hours(12);

pub(super) struct SessionsFixture {
    pub(super) clock: Arc<ManualClock>,
    pub(super) sessions: Sessions,
    pub(super) folder: tempfile::TempDir,
}

impl SessionsFixture {
    pub(super) async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap()).await
    }

    /// On the file in this folder, if there is one.
    pub(super) async fn within(folder: tempfile::TempDir) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let sessions = open(&folder, &clock, &lasting(IDLE, ABSOLUTE)).await;
        Self { clock, sessions, folder }
    }

    /// A second store on the same file, as another process would open it.
    pub(super) async fn beside(fixture: &SessionsFixture) -> Sessions {
        open(&fixture.folder, &fixture.clock, &lasting(IDLE, ABSOLUTE)).await
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("sessions.db")
    }

    /// Closes the store and opens it again, with these settings.
    pub(super) async fn restarts(&mut self, idle: Duration, absolute: Duration) {
        self.restarts_with(&lasting(idle, absolute)).await;
    }

    /// Closes the store and opens it again, with these settings in full.
    pub(super) async fn restarts_with(&mut self, settings: &SessionSettings) {
        self.sessions.close().await;
        self.sessions = open(&self.folder, &self.clock, settings).await;
    }

    /// The usual settings, with a length for "stay signed in".
    pub(super) fn staying(stay: Option<Duration>) -> SessionSettings {
        SessionSettings { stay, max_staleness: ABSOLUTE * 100, ..lasting(IDLE, ABSOLUTE) }
    }

    pub(super) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn signs_in(&self, name: &str) -> (SessionToken, Session) {
        self.sessions
            .begin(&person(name), &Client::default(), SessionOptions::password_only(Revalidation::Refreshed))
            .await
            .unwrap()
    }

    pub(super) async fn knows(&self, token: &SessionToken) -> bool {
        self.sessions.find(token).await.unwrap().valid().is_some()
    }
}

/// Waits for the session's end, past all other events.
pub(super) async fn hears_the_end(watch: &mut RowWatch) -> EndReason {
    loop {
        if let RowEvent::Ended(reason) = watch.next_event().await {
            return reason;
        }
    }
}

async fn open(folder: &tempfile::TempDir, clock: &Arc<ManualClock>, settings: &SessionSettings) -> Sessions {
    Sessions::open(&folder.path().join("sessions.db"), settings, clock.clone()).await.unwrap()
}

/// Settings for sessions of these lengths, which need no confirmation meanwhile.
fn lasting(idle: Duration, absolute: Duration) -> SessionSettings {
    SessionSettings { max_staleness: absolute, ..SessionSettings::with_lifetimes(idle, absolute) }
}

pub(super) fn person(name: &str) -> Person {
    let group = |name: &str| Group {
        id: GroupId::new(format!("S-1-5-21-{name}")),
        name: name.into(),
        dn: format!("CN={name},DC=corp,DC=example,DC=com"),
        shares_name: false,
    };
    Person {
        principal: format!("{name}@corp.example.com").parse().ok(),
        display_name: format!("{name} Müller-O'Neil, \"(x)\" \\"),
        groups: [group("dash-ops"), group("Vertrieb, Süd")].into_iter().collect(),
        ..Person::named(name)
    }
}
