//! The whole program in a process of its own, with its sessions on disk.

use std::path::Path;

use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::DemoDirectory;
use tempfile::TempDir;

use crate::common::running_server::{RunningServer, settings};
use crate::common::{people, process};
use crate::server::{self, Server};
use crate::worker_options::{DashboardOptions, WorkerOptions};

/// The number of people who share the sessions: some have a board on the wall, a laptop and a telephone.
const PEOPLE: usize = 200;

/// A limit of connections that is never reached: more than any process here has files for.
const NO_LIMIT: u64 = 100_000;

/// The files of a server that can be started again and again: its pages and its state.
pub(crate) struct Site {
    folder: TempDir,
    directory: String,
    /// The cookies' values of all sessions.
    pub(crate) tokens: Vec<String>,
}

impl Site {
    /// Creates a site with these pages, by slug, and so many sessions.
    pub(crate) async fn new(
        directory: &DemoDirectory,
        pages: impl IntoIterator<Item = (String, String)>,
        sessions: usize,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (page_files, state) = (folder.path().join("pages"), folder.path().join("state"));
        std::fs::create_dir(&page_files).unwrap();
        std::fs::create_dir(&state).unwrap();
        for (slug, page) in pages {
            std::fs::write(page_files.join(format!("{slug}.toml")), page).unwrap();
        }
        let tokens = people::sign_in(&state, sessions, PEOPLE).await;
        Self { folder, directory: directory.url(), tokens }
    }

    /// Starts its server on `port`, or on a free one for 0.
    pub(crate) fn open(&self, port: u16) -> Server {
        let (folder, directory) = (self.folder.path().to_owned(), self.directory.clone());
        Server::start(&WorkerOptions::Server(DashboardOptions { folder, directory, port, bus: None, store: None }))
    }
}

pub(crate) fn run(options: &DashboardOptions) {
    rocket::execute(async {
        let open = RunningServer::start(figment(&options.folder, options)).await;
        process::send_to_parent(&open.address);
        server::answer();
        open.wait_until_closed().await;
    });
}

/// The settings: as many connections as the system allows, from as few addresses as a load has.
fn figment(folder: &Path, options: &DashboardOptions) -> rocket::figment::Figment {
    let many = raise_open_file_limit().unwrap_or(NO_LIMIT).min(NO_LIMIT);
    settings(folder)
        .merge(("port", options.port))
        .merge(("shutdown.signals", ["term"]))
        .merge(("directory.url", &options.directory))
        .merge(("connections.most", many))
        .merge(("connections.per_address", many))
        .merge(("live.most", many))
        .merge(("live.per_address", many))
}
