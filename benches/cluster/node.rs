//! The nodes: the whole program, each in a process of its own.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::DemoDirectory;
use rocket::figment::Figment;
use tempfile::TempDir;

use crate::common::http_client::HttpClient;
use crate::common::running_server::{RunningServer, settings};
use crate::common::{people, process};
use crate::server::{self, Server};
use crate::shared_sessions::SharedSessions;
use crate::worker_options::{DashboardOptions, WorkerOptions};

/// The number of people who share the sessions: of one person, a hundred may live.
pub(crate) const PEOPLE: usize = 1_000;

/// The token that reads a node's metrics.
const METRICS_TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

/// A limit of connections that is never reached: more than any process here has files for.
const NO_LIMIT: u64 = 100_000;

/// The key that the nodes share, by which each knows the sessions; it is worth nothing elsewhere.
const SECRET_KEY: [u8; 32] = [7; 32];

/// The URLs of what nodes share; without them a node is alone.
#[derive(Clone, Default)]
pub(crate) struct Engines {
    pub(crate) bus: Option<String>,
    pub(crate) store: Option<String>,
}

impl Engines {
    /// A bus alone: each node has a store of its own, with the same sessions in it.
    pub(crate) fn bus(url: String) -> Self {
        Self { bus: Some(url), store: None }
    }

    /// A store alone.
    pub(crate) fn store(url: String) -> Self {
        Self { bus: None, store: Some(url) }
    }
}

/// The folders of the nodes, which have the same pages and the same sessions.
pub(crate) struct Cluster {
    folder: TempDir,
    directory: String,
    engines: Engines,
    /// The cookies' values of all sessions.
    pub(crate) tokens: Vec<String>,
}

impl Cluster {
    /// Creates that many folders with these pages, by slug, and so many sessions.
    pub(crate) async fn new(
        directory: &DemoDirectory,
        engines: Engines,
        nodes: usize,
        page_files: impl IntoIterator<Item = (String, String)>,
        sessions: usize,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (first_pages, first_state) = (folder.path().join("0/pages"), folder.path().join("0/state"));
        fs::create_dir_all(&first_pages).unwrap();
        fs::create_dir_all(&first_state).unwrap();
        for (slug, page) in page_files {
            fs::write(first_pages.join(format!("{slug}.toml")), page).unwrap();
        }
        let tokens = match &engines.store {
            Some(url) => {
                let shared = SharedSessions::open(url).await;
                people::begin(&shared.sessions, sessions, PEOPLE).await
            }
            None => people::sign_in(&first_state, sessions, PEOPLE).await,
        };
        for node in 1..nodes {
            for part in ["pages", "state"] {
                copy(&folder.path().join("0").join(part), &folder.path().join(node.to_string()).join(part));
            }
        }
        Self { folder, directory: directory.url(), engines, tokens }
    }

    /// Starts the node of that number.
    pub(crate) fn open(&self, node: usize) -> Server {
        let options = DashboardOptions {
            folder: self.folder.path().join(node.to_string()),
            directory: self.directory.clone(),
            port: 0,
            bus: self.engines.bus.clone(),
            store: self.engines.store.clone(),
        };
        Server::start(&WorkerOptions::Server(options))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

pub(crate) fn run(options: &DashboardOptions) {
    rocket::execute(async {
        let open = RunningServer::start(figment(options)).await;
        process::send_to_parent(&open.address);
        server::answer();
        open.wait_until_closed().await;
    });
}

/// The settings: as many connections as the system allows, from as few addresses as a load has.
fn figment(options: &DashboardOptions) -> Figment {
    let many = raise_open_file_limit().unwrap_or(NO_LIMIT).min(NO_LIMIT);
    let figment = settings(&options.folder)
        .merge(("port", options.port))
        .merge(("secret_key", STANDARD.encode(SECRET_KEY)))
        .merge(("shutdown.signals", ["term"]))
        .merge(("directory.url", &options.directory))
        .merge(("metrics.token", METRICS_TOKEN))
        .merge(("connections.most", many))
        .merge(("connections.per_address", many))
        .merge(("live.most", many))
        .merge(("live.per_address", many));
    let shared = options.bus.iter().map(|url| ("live.bus", url)).chain(options.store.iter().map(|url| ("store.url", url)));
    shared.fold(figment, |figment, setting| figment.merge(setting))
}

/// How many answers a node has sent to the others by now: it has asked for as many.
pub(crate) async fn answers_sent(node: &Server) -> u64 {
    let mut client = HttpClient::new(node.address).await.unwrap();
    let metrics = client.opens_with("/metrics", &format!("Bearer {METRICS_TOKEN}")).await.unwrap().body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("belvedere_bus_entries_total{way=\"sent\"} "));
    line.and_then(|count| count.parse().ok()).expect("the metrics have it")
}
