//! A store in a folder of its own, and the clock that it goes by.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::SessionSettings;
use crate::domain::{Client, Group, GroupId, ManualClock, Person, PersonId, Timestamp};
use crate::sessions::{Session, SessionToken, Sessions};

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const IDLE: Duration = Duration::from_mins(30);
pub(super) const ABSOLUTE: Duration = Duration::from_hours(12);

pub(super) struct House {
    pub(super) clock: Arc<ManualClock>,
    pub(super) sessions: Sessions,
    pub(super) folder: tempfile::TempDir,
}

impl House {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let sessions = open(&folder, &clock, IDLE, ABSOLUTE).await;
        Self { clock, sessions, folder }
    }

    /// Another process with the same file.
    pub(super) async fn beside(house: &House) -> Sessions {
        open(&house.folder, &house.clock, IDLE, ABSOLUTE).await
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("sessions.db")
    }

    /// Stops the program and starts it again, with these settings.
    pub(super) async fn restarts(&mut self, idle: Duration, absolute: Duration) {
        self.sessions.close().await;
        self.sessions = open(&self.folder, &self.clock, idle, absolute).await;
    }

    pub(super) async fn signs_in(&self, name: &str) -> (SessionToken, Session) {
        self.sessions.begin(&person(name), &Client::default()).await.unwrap()
    }

    pub(super) async fn knows(&self, token: &SessionToken) -> bool {
        self.sessions.find(token).await.unwrap().is_some()
    }
}

async fn open(folder: &tempfile::TempDir, clock: &Arc<ManualClock>, idle: Duration, absolute: Duration) -> Sessions {
    let settings = SessionSettings::lasting(idle, absolute);
    Sessions::open(&folder.path().join("sessions.db"), &settings, clock.clone()).await.unwrap()
}

pub(super) fn person(name: &str) -> Person {
    let group = |name: &str| Group {
        id: GroupId::new(format!("S-1-5-21-{name}")),
        name: name.into(),
        dn: format!("CN={name},DC=corp,DC=example,DC=com"),
    };
    Person {
        id: PersonId::new(format!("objectGUID:{name}")),
        directory: None,
        username: name.into(),
        principal: Some(format!("{name}@corp.example.com")),
        display_name: format!("{name} Müller-O'Neil, \"(x)\" \\"),
        groups: [group("dash-ops"), group("Vertrieb, Süd")].into_iter().collect(),
        password_expires: None,
    }
}
