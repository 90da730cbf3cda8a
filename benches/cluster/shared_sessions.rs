//! The sessions in a database, as a node has them: what ends here is heard there, and the other way round.

use std::path::Path;
use std::sync::Arc;

use belvedere::domain::SystemClock;
use belvedere::sessions::Sessions;
use belvedere::sources::read_settings;
use belvedere::store::{PostgresDatabase, PostgresNews};
use tokio_util::task::AbortOnDropHandle;

use crate::common::people;
use crate::common::running_server::settings;

/// The sessions, which hear of and tell what changes for as long as this is there.
pub(crate) struct SharedSessions {
    pub(crate) sessions: Sessions,
    _following: AbortOnDropHandle<()>,
}

impl SharedSessions {
    pub(crate) async fn open(url: &str) -> Self {
        let (settings, _) =
            read_settings(&settings(Path::new(".")).merge(("directory.url", "ldap://127.0.0.1")).merge(("store.url", url)))
                .unwrap_or_else(|error| panic!("{error}"));
        let database = PostgresDatabase::from_settings(&settings.store).expect("there is a URL");
        let news = PostgresNews::open(&database).await.unwrap();
        let sessions = Sessions::open_postgres(&news, &people::lifetimes(), Arc::new(SystemClock)).await.unwrap();
        let following = AbortOnDropHandle::new(tokio::spawn(async move { news.follow().await }));
        Self { sessions, _following: following }
    }
}
