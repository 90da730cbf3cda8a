use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Faults, Settings};
use crate::domain::SystemClock;
use crate::pages::Shelf;
use crate::server::StartError;
use crate::sources::Sources;

use super::serve::fail;

/// Checks everything that can be checked without dialling anybody.
pub(super) fn run() -> ExitCode {
    let settings = match Settings::from_figment(&config::figment()) {
        Ok(settings) => settings,
        Err(faults) => return fail(&count(faults)),
    };
    match faults_in_pages(&settings) {
        Ok((pages, faults)) if faults.is_empty() => {
            println!("Everything is in order: {pages} pages in {}.", settings.pages.display());
            ExitCode::SUCCESS
        }
        Ok((_, faults)) => fail(&count(faults)),
        Err(error) => fail(&error),
    }
}

fn faults_in_pages(settings: &Settings) -> Result<(usize, Faults), StartError> {
    let sources = Sources::open(&settings.sources, Arc::new(SystemClock))?;
    let shelf = Shelf::load(&settings.pages, Arc::new(sources))?;
    Ok((shelf.count(), shelf.all_faults()))
}

fn count(faults: Faults) -> StartError {
    if std::io::stderr().is_terminal() {
        eprintln!(
            "{} to mend:\n",
            if faults.len() == 1 { "One thing".to_owned() } else { format!("{} things", faults.len()) }
        );
    }
    StartError::Settings(faults)
}
