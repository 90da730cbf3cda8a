//! The whole program in a process of its own, with its sessions on disk.

use std::path::{Path, PathBuf};

use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::DemoDirectory;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::common::running_server::{RunningServer, settings};
use crate::common::{people, process};
use crate::server::{self, Server};

/// How many people share the sessions: some have a board on the wall, a laptop and a telephone.
const PEOPLE: usize = 200;

/// More than any process here has files for.
const MANY: u64 = 100_000;

/// What the process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    folder: PathBuf,
    directory: String,
    /// 0 for one of its own.
    port: u16,
}

/// A server that can be opened, again and again, with everything it keeps.
pub(crate) struct Site {
    folder: TempDir,
    directory: String,
    /// The cookies' values of all sessions.
    pub(crate) tokens: Vec<String>,
}

impl Site {
    /// With these pages, by slug, and so many sessions.
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

    /// Opens it, on `port`, or on one of its own for 0.
    pub(crate) fn open(&self, port: u16) -> Server {
        Server::dashboard(WorkerOptions {
            folder: self.folder.path().to_owned(),
            directory: self.directory.clone(),
            port,
        })
    }
}

pub(crate) fn run(options: &WorkerOptions) {
    rocket::execute(async {
        let open = RunningServer::start(figment(&options.folder, options)).await;
        process::say(&open.address);
        server::answer();
        open.wait_until_closed().await;
    });
}

/// As many as the system allows, from as few addresses as a load has.
fn figment(folder: &Path, options: &WorkerOptions) -> rocket::figment::Figment {
    let many = raise_open_file_limit().unwrap_or(MANY).min(MANY);
    settings(folder)
        .merge(("port", options.port))
        .merge(("shutdown.signals", ["term"]))
        .merge(("directory.url", &options.directory))
        .merge(("connections.most", many))
        .merge(("connections.per_address", many))
        .merge(("live.most", many))
        .merge(("live.per_address", many))
}
