//! The whole program on a port of its own, with settings and pages of the test's own.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock, SystemClock, Timestamp};
use belvedere::server::{self, Server};
use belvedere::sources::FilterWorkers;
use rocket::figment::Figment;
use rocket::figment::providers::Serialized;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::free_port::free_port;
use super::postgres;
use super::program::STORE_URL_FILE;
use super::visitor::Visitor;

/// A running server. It shuts down when dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) folder: Arc<TempDir>,
    /// Every route, by its method and address.
    pub(crate) routes: Vec<(String, String)>,
    /// The database of a store of its own, where the tests run on PostgreSQL.
    store: Option<String>,
    shutdown: rocket::Shutdown,
    served: JoinHandle<()>,
}

/// The builder of a [`TestServer`].
pub(crate) struct TestServerBuilder {
    settings: Value,
    store: Option<String>,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
}

impl TestServerBuilder {
    /// A server whose people are those of the directory at `url`.
    pub(crate) fn with_directory(url: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        let builder = Self { settings: json!({}), store: new_store(), folder, clock: Arc::new(SystemClock) };
        builder.set("directory.url", url)
    }

    /// A server with the state and pages of one that was closed.
    pub(crate) fn restarting(house: &TestServer, url: &str) -> Self {
        let (store, folder) = (house.store.clone(), Arc::clone(&house.folder));
        let builder = Self { settings: json!({}), store, folder, clock: Arc::new(SystemClock) };
        builder.set("directory.url", url)
    }

    /// A server with the state and pages of a folder, which outlives it.
    pub(crate) fn in_folder(folder: &Arc<TempDir>, url: &str) -> Self {
        let folder = Arc::clone(folder);
        let builder = Self { settings: json!({}), store: None, folder, clock: Arc::new(SystemClock) };
        builder.set("directory.url", url)
    }

    /// Sets a setting by its path: `directory.ca_file`.
    pub(crate) fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let mut at = &mut self.settings;
        for key in path.split('.') {
            at = at.as_object_mut().unwrap().entry(key).or_insert_with(|| json!({}));
        }
        *at = value.into();
        self
    }

    /// Sets the clock to the test's, but for the moments by which a refused sign-in is delayed: they pass by themselves.
    pub(crate) fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Arc::new(RealShortSleeps(clock));
        self
    }

    /// Adds a page file.
    pub(crate) fn page(self, slug: &str, text: &str) -> Self {
        write_page(&self.folder, slug, text);
        self
    }

    /// Adds a copy of the repository's sample pages, and the source that one of them asks, as the demo has it.
    pub(crate) fn sample_pages(self) -> Self {
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/pages")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), self.folder.path().join("pages").join(file.file_name())).unwrap();
        }
        let port = free_port().unwrap();
        let builder = self.set("port", port).set("sources.boards.kind", "http");
        builder.set("sources.boards.url", format!("http://127.0.0.1:{port}/api/v1/pages/welcome"))
    }

    /// The settings, as a figment of Rocket's.
    pub(crate) fn figment(&self) -> Figment {
        let folder = self.folder.path();
        if let Some(url) = &self.store {
            std::fs::write(self.folder.path().join(STORE_URL_FILE), url).unwrap();
        }
        let store = self.store.iter().map(|url| ("store.url", url.clone()));
        store
            .fold(rocket::Config::figment(), |figment, store| figment.merge(store))
            .merge(("address", "127.0.0.1"))
            .merge(("port", 0))
            .merge(("log_level", "off"))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", Vec::<String>::new()))
            .merge(("shutdown.grace", 1))
            .merge(("shutdown.mercy", 1))
            .merge(("pages", folder.join("pages")))
            .merge(("state", folder.join("state")))
            .merge(Serialized::globals(&self.settings))
    }

    /// Builds the server and waits until it listens.
    pub(crate) async fn open(self) -> TestServer {
        let server = Server::build(
            self.figment(),
            Arc::clone(&self.clock),
            FilterWorkers::of_program(env!("CARGO_BIN_EXE_belvedere").into()),
        )
        .await
        .unwrap_or_else(|error: server::StartError| panic!("the house does not start: {error}"));
        let routes = server.routes();
        let (server, ready) = server.on_ready();
        let served = tokio::spawn(async move {
            server.serve().await.unwrap_or_else(|error| panic!("the house fell down: {error}"));
        });
        let ready = ready.await.expect("the house opens its door");
        TestServer { address: ready.address, shutdown: ready.shutdown, folder: self.folder, store: self.store, routes, served }
    }
}

/// The URL of a new database, where the tests run on PostgreSQL: with `BELVEDERE_TESTS_STORE=postgres`.
fn new_store() -> Option<String> {
    std::env::var_os("BELVEDERE_TESTS_STORE").filter(|store| store == "postgres")?;
    let server = postgres::server()?;
    Some(server.url(&server.create_database()))
}

/// Waits of less than a second are real, as long as they take; longer ones are the clock's.
struct RealShortSleeps(Arc<dyn Clock>);

impl Clock for RealShortSleeps {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        if length < Duration::from_secs(1) { Box::pin(tokio::time::sleep(length)) } else { self.0.sleep(length) }
    }
}

impl TestServer {
    /// The address of a path in this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A new visitor: a browser without cookies.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }

    /// Writes or replaces a page file; the server notices by itself.
    pub(crate) fn write_page(&self, slug: &str, text: &str) {
        write_page(&self.folder, slug, text);
    }

    /// Removes a page file.
    pub(crate) fn remove_page(&self, slug: &str) {
        std::fs::remove_file(self.folder.path().join(format!("pages/{slug}.toml"))).unwrap();
    }

    /// Waits until nothing is left of a server whose runtime has been shut down.
    pub(crate) async fn waits_for_death(mut self) {
        assert!((&mut self.served).await.unwrap_err().is_cancelled(), "it does not end in good order");
    }

    /// Shuts the server down, and waits until it has stopped.
    pub(crate) async fn shut_down(mut self) {
        self.shutdown.clone().notify();
        (&mut self.served).await.expect("the house closes in good order");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.clone().notify();
    }
}

pub(super) fn write_page(folder: &TempDir, slug: &str, text: &str) {
    let pages = folder.path().join("pages");
    // In one step, as editors do: the server never reads half a page.
    let draft = pages.join(format!("{slug}.draft"));
    std::fs::write(&draft, text).unwrap();
    std::fs::rename(draft, pages.join(format!("{slug}.toml"))).unwrap();
}
