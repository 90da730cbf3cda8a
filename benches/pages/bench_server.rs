//! The whole program in a process of its own, with many people signed in.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;

use crate::common::process::{self, Process};
use crate::common::running_server::{RunningServer, settings};
use crate::common::{people, usage};
use crate::pages;
use crate::worker_options::{ServerOptions, WorkerOptions};

/// A limit of connections that is never reached: all of a load come from one address.
const NO_LIMIT: u64 = 15_000;

pub(crate) struct BenchServer {
    pub(crate) address: SocketAddr,
    /// The cookies' values of everybody who is signed in.
    pub(crate) tokens: Vec<String>,
    process: Process,
    _folder: TempDir,
}

impl BenchServer {
    /// Starts the server, on the directory at that URL, with so many people signed in.
    pub(crate) async fn open(directory: &str, people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (page_files, state) = (folder.path().join("pages"), folder.path().join("state"));
        std::fs::create_dir(&page_files).unwrap();
        std::fs::create_dir(&state).unwrap();
        for (slug, page) in pages::all() {
            std::fs::write(page_files.join(format!("{slug}.toml")), page).unwrap();
        }
        let tokens = people::sign_in(&state, people, people).await;
        let options = ServerOptions { folder: folder.path().to_owned(), directory: directory.to_owned() };
        let mut process = Process::with(&WorkerOptions::Server(options));
        let address = process.receive();
        Self { address, tokens, process, _folder: folder }
    }

    /// Its processor time so far.
    pub(crate) fn cpu(&mut self) -> Duration {
        self.process.request(&())
    }

    pub(crate) fn close(self) {
        self.process.terminate();
        self.process.wait_until_ended();
    }
}

pub(crate) fn run(options: &ServerOptions) {
    rocket::execute(async {
        let settings = settings(&options.folder)
            .merge(("shutdown.signals", ["term"]))
            .merge(("directory.url", &options.directory))
            .merge(("connections.most", NO_LIMIT))
            .merge(("connections.per_address", NO_LIMIT));
        let open = RunningServer::start(settings).await;
        process::send_to_parent(&open.address);
        std::thread::spawn(|| {
            while process::next_command::<()>().is_some() {
                process::send_to_parent(&usage::cpu());
            }
        });
        open.wait_until_closed().await;
    });
}
