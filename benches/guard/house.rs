//! The whole program, in this process, on a port of its own, with many people signed in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::config::{SessionSettings, TokenSettings};
use belvedere::directory::embedded::{EmbeddedDirectory, Sample};
use belvedere::domain::{Client, Granted, Pages, Person, PersonId, SystemClock, Upkeep};
use belvedere::server::Server;
use belvedere::sessions::{Beginning, Sessions};
use belvedere::tokens::{Tokens, Wanted};
use futures::{StreamExt as _, stream};
use rocket::figment::Figment;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How many sessions are alive in the store.
pub(crate) const SESSIONS: usize = 100_000;

/// Sessions that are begun at the same time, and so written together.
const AT_ONCE: usize = 256;

const PAGE: &str = "title = \"Board\"\n\n[[panel]]\nid = \"cpu\"\ntitle = \"CPU\"\nkind = \"stat\"\nsource = \"host\"\n\
                    query = \"cpu.total\"\nevery = \"100ms\"\n\n[[panel]]\nid = \"load\"\ntitle = \"Load\"\nkind = \"line\"\n\
                    source = \"host\"\nquery = \"load.1\"\nevery = \"1s\"\n";

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    /// The cookies' values of everybody who is signed in.
    pub(crate) tokens: Vec<String>,
    /// What a script shows with a name and a password, and what with an API token.
    pub(crate) basic: String,
    pub(crate) bearer: String,
    shutdown: rocket::Shutdown,
    served: JoinHandle<()>,
    _directory: EmbeddedDirectory,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pages, state) = (folder.path().join("pages"), folder.path().join("state"));
        std::fs::create_dir(&pages).unwrap();
        std::fs::create_dir(&state).unwrap();
        std::fs::write(pages.join("public.toml"), format!("access = \"public\"\n{PAGE}")).unwrap();
        std::fs::write(pages.join("own.toml"), PAGE).unwrap();
        let tokens = many_sign_in(&state.join("sessions.db")).await;
        let bearer = format!("Bearer {}", makes_a_token(&state.join("tokens.db")).await);
        let directory = EmbeddedDirectory::start(&Sample::demo(), Arc::new(SystemClock)).await.unwrap();
        let figment = Figment::from(rocket::Config::figment())
            .merge(("address", "127.0.0.1"))
            .merge(("port", 0))
            .merge(("log_level", "off"))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", Vec::<String>::new()))
            .merge(("shutdown.grace", 1))
            .merge(("shutdown.mercy", 1))
            .merge(("pages", pages))
            .merge(("state", state))
            .merge(("directory.url", directory.url()))
            .merge(("site.trusted_proxies", ["127.0.0.1"]));
        let (server, ready) =
            Server::build(figment, Arc::new(SystemClock)).await.expect("the house is built").on_ready();
        let served = tokio::spawn(async move { server.serve().await.expect("the house stands") });
        let ready = ready.await.expect("the house opens");
        let (address, shutdown) = (ready.address, ready.shutdown);
        let basic = format!("Basic {}", BASE64_STANDARD.encode("alice:alice-demo"));
        Self { address, tokens, basic, bearer, shutdown, served, _directory: directory, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.shutdown.notify();
        self.served.await.expect("the house closes in good order");
    }
}

/// Everybody's cookie.
async fn many_sign_in(store: &Path) -> Vec<String> {
    let day = Duration::from_hours(24);
    let settings = SessionSettings::lasting(day, day);
    let sessions = Sessions::open(store, &settings, Arc::new(SystemClock)).await.unwrap();
    let tokens = stream::iter(0..SESSIONS)
        .map(|n| {
            let sessions = sessions.clone();
            async move {
                let beginning = Beginning::by_password(Upkeep::Unrefreshed);
                let (token, _) = sessions.begin(&person(n), &Client::default(), beginning).await.unwrap();
                token.reveal().to_string()
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    sessions.close().await;
    tokens
}

/// The API token of somebody, for all pages.
async fn makes_a_token(store: &Path) -> String {
    let day = Duration::from_hours(24);
    let settings = TokenSettings { lifetime: day, longest: day, unrefreshed: day };
    let tokens = Tokens::open(store, &settings, day, Arc::new(SystemClock)).await.unwrap();
    let granted = Granted { read: Pages::All, ..Granted::default() };
    let name = "a script".parse().expect("a name");
    let wanted = Wanted { name, granted, lasts: day, second_factor: false, upkeep: Upkeep::Unrefreshed };
    let (token, _) = tokens.make(&person(0), &wanted).await.unwrap();
    tokens.close().await;
    token.reveal().to_string()
}

fn person(n: usize) -> Person {
    Person {
        id: PersonId::new(format!("entryUUID:{n}")),
        directory: None,
        username: format!("person-{n}"),
        principal: None,
        display_name: format!("Person {n}"),
        groups: std::iter::empty().collect(),
        password_expires: None,
    }
}
