//! The whole program, in this process, on a port of its own, with many people signed in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::config::TokenSettings;
use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::{PageScope, PersonEpoch, Revalidation, SystemClock, TokenScope};
use belvedere::tokens::{NewToken, Tokens};
use tempfile::TempDir;

use crate::common::people::{person, sign_in};
use crate::common::running_server::{RunningServer, settings};

/// The number of live sessions in the store.
pub(crate) const SESSIONS: usize = 100_000;

const PAGE: &str = "title = \"Board\"\n\n[[panel]]\nid = \"cpu\"\ntitle = \"CPU\"\nkind = \"stat\"\nsource = \"host\"\n\
                    query = \"cpu.total\"\nevery = \"100ms\"\n\n[[panel]]\nid = \"load\"\ntitle = \"Load\"\nkind = \"line\"\n\
                    source = \"host\"\nquery = \"load.1\"\nevery = \"1s\"\n";

pub(crate) struct BenchServer {
    pub(crate) address: SocketAddr,
    /// The cookies' values of everybody who is signed in.
    pub(crate) tokens: Vec<String>,
    /// The `Authorization` headers of a script with a name and a password, and with an API token.
    pub(crate) basic: String,
    pub(crate) bearer: String,
    open: RunningServer,
    _directory: DemoDirectory,
    _folder: TempDir,
}

impl BenchServer {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pages, state) = (folder.path().join("pages"), folder.path().join("state"));
        std::fs::create_dir(&pages).unwrap();
        std::fs::create_dir(&state).unwrap();
        std::fs::write(pages.join("public.toml"), format!("access = \"public\"\n{PAGE}")).unwrap();
        std::fs::write(pages.join("own.toml"), PAGE).unwrap();
        let tokens = sign_in(&state, SESSIONS, SESSIONS).await;
        let bearer = format!("Bearer {}", makes_a_token(&state.join("tokens.db")).await);
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        let figment =
            settings(folder.path()).merge(("directory.url", directory.url())).merge(("site.trusted_proxies", ["127.0.0.1"]));
        let open = RunningServer::start(figment).await;
        let basic = format!("Basic {}", BASE64_STANDARD.encode("alice:alice-demo"));
        Self { address: open.address, tokens, basic, bearer, open, _directory: directory, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.open.close().await;
    }
}

/// The API token of somebody, for all pages.
async fn makes_a_token(store: &Path) -> String {
    let day = Duration::from_hours(24);
    let settings = TokenSettings { lifetime: day, longest: day, unrefreshed: day };
    let tokens = Tokens::open(store, &settings, day, Arc::new(SystemClock)).await.unwrap();
    let granted = TokenScope { read: PageScope::All, ..TokenScope::default() };
    let name = "a script".parse().expect("a name");
    let wanted = NewToken {
        name,
        scope: granted,
        lifetime: day,
        second_factor: false,
        revalidation: Revalidation::Unrefreshed,
        epoch: PersonEpoch::default(),
    };
    let (token, _) = tokens.create(&person(0), &wanted).await.unwrap();
    tokens.close().await;
    token.reveal().to_string()
}
