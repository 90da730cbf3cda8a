//! The nodes: the whole program, each in a process of its own.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::DemoDirectory;
use rocket::figment::Figment;
use tempfile::TempDir;

use crate::common::running_server::{RunningServer, settings};
use crate::common::{people, process};
use crate::server::{self, Server};
use crate::worker_options::{DashboardOptions, WorkerOptions};

/// The number of people who share the sessions.
const PEOPLE: usize = 200;

/// A limit of connections that is never reached: more than any process here has files for.
const NO_LIMIT: u64 = 100_000;

/// The key that the nodes share, by which each knows the sessions; it is worth nothing elsewhere.
const SECRET_KEY: [u8; 32] = [7; 32];

/// The folders of the nodes, which have the same pages and the same sessions.
pub(crate) struct Cluster {
    folder: TempDir,
    directory: String,
    bus: Option<String>,
    /// The cookies' values of all sessions.
    pub(crate) tokens: Vec<String>,
}

impl Cluster {
    /// Creates that many folders with these pages, by slug, and so many sessions.
    pub(crate) async fn new(
        directory: &DemoDirectory,
        bus: Option<String>,
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
        let tokens = people::sign_in(&first_state, sessions, PEOPLE).await;
        for node in 1..nodes {
            for part in ["pages", "state"] {
                copy(&folder.path().join("0").join(part), &folder.path().join(node.to_string()).join(part));
            }
        }
        Self { folder, directory: directory.url(), bus, tokens }
    }

    /// Starts the node of that number.
    pub(crate) fn open(&self, node: usize) -> Server {
        let options = DashboardOptions {
            folder: self.folder.path().join(node.to_string()),
            directory: self.directory.clone(),
            port: 0,
            bus: self.bus.clone(),
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
        .merge(("connections.most", many))
        .merge(("connections.per_address", many))
        .merge(("live.most", many))
        .merge(("live.per_address", many));
    match &options.bus {
        Some(bus) => figment.merge(("live.bus", bus)),
        None => figment,
    }
}
