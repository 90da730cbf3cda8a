use std::fmt::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use rocket::Config;
use rocket::figment::Figment;
use tempfile::TempDir;

use crate::config;
use crate::demo_directory::{DemoDirectory, SampleAccount, SampleDomain};
use crate::domain::SystemClock;
use crate::pages::write_sample_pages;
use crate::server::{Ready, Server, StartError};
use crate::sources;
use crate::sources::FilterWorkers;
use crate::telemetry;

use super::serve::report_error;

/// The group that may see the admin page in the demo.
const ADMINS: &str = "dash-admins";

pub(super) async fn run() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(DemoError::Start(error)) => report_error(&error),
        Err(DemoError::Io(what, error)) => {
            eprintln!("belvedere: {what}: {error}");
            ExitCode::FAILURE
        }
    }
}

enum DemoError {
    Start(StartError),
    Io(&'static str, std::io::Error),
}

impl<E: Into<StartError>> From<E> for DemoError {
    fn from(error: E) -> Self {
        Self::Start(error.into())
    }
}

async fn demo() -> Result<(), DemoError> {
    let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock))
        .await
        .map_err(|error| DemoError::Io("the embedded directory finds no port on loopback", error))?;
    let scratch = TempDir::with_prefix("belvedere-demo-")
        .map_err(|error| DemoError::Io("there is no room for temporary files", error))?;
    let pages = pages_folder(scratch.path()).map_err(|error| DemoError::Io("the sample pages cannot be laid out", error))?;
    let figment = settings(&directory.url(), &pages, scratch.path());
    let (settings, _) = sources::read_settings(&figment)?;
    telemetry::init_logging(&settings.log)?;
    let accounts = directory.accounts().to_vec();
    let (server, ready) = Server::build(figment, Arc::new(SystemClock), FilterWorkers::of_this_program()).await?.on_ready();
    tokio::spawn(async move {
        if let Ok(ready) = ready.await {
            println!("{}", welcome(&ready, &accounts, &pages));
        }
    });
    server.serve().await?;
    drop((directory, scratch));
    Ok(())
}

/// The demo's settings: only ever on loopback, whatever the settings here say; nothing but `ROCKET_PORT` is taken.
fn settings(directory_url: &str, pages: &Path, scratch: &Path) -> Figment {
    let wanted = config::figment().extract_inner("port").unwrap_or(Config::default().port);
    // Somebody who tries this out has no use for "the port is taken": any free one will do then.
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let port = bound.and_then(|listener| listener.local_addr()).map_or(wanted, |address| address.port());
    Figment::from(Config::default())
        .merge(("address", Ipv4Addr::LOCALHOST))
        .merge(("port", port))
        .merge(("pages", pages))
        .merge(("state", scratch.join("state")))
        .merge(("directory.url", directory_url))
        // A sample page shows what a web service answers, and there need be no other than this one.
        .merge(("sources.boards.kind", "http"))
        .merge(("sources.boards.url", format!("http://127.0.0.1:{port}/api/v1/pages/welcome")))
        .merge(("site.name", "Belvedere"))
        .merge(("admins.groups", [ADMINS]))
}

/// The pages of the source tree, where they can be edited; copies of the built-in ones anywhere else.
fn pages_folder(scratch: &Path) -> std::io::Result<PathBuf> {
    let here = Path::new("pages");
    if here.join("welcome.toml").is_file() {
        return Ok(here.to_path_buf());
    }
    let folder = scratch.join("pages");
    write_sample_pages(&folder)?;
    Ok(folder)
}

/// The text printed at the start: the address, the accounts, the pages.
fn welcome(ready: &Ready, accounts: &[SampleAccount], pages: &Path) -> String {
    let mut text = format!("\n  Belvedere is open at  http://{}\n\n  Sign in as\n", ready.address);
    for account in accounts {
        let _ = writeln!(text, "    {:<24} {:<22} {}", account.username, account.password, account.outcome);
    }
    let _ = write!(text, "\n  The pages are in {}: edit one and watch it change.\n  Ctrl-C ends the demo.\n", pages.display());
    text
}
