use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use rocket::figment::Figment;

use crate::config::{self, Faults, ForPages, Settings};
use crate::domain::SystemClock;
use crate::pages::Shelf;
use crate::server::StartError;
use crate::sources::Sources;

use super::serve::fail;

/// Checks everything that can be checked without dialling anybody.
pub(super) fn run() -> ExitCode {
    let figment = config::figment();
    let checked = match Settings::from_figment(&figment) {
        Ok(settings) => check_pages(&settings),
        Err(mut faults) => {
            faults.extend(faults_beside(&figment));
            Err(StartError::Settings(faults))
        }
    };
    match checked {
        Ok(good_news) => {
            println!("{good_news}");
            ExitCode::SUCCESS
        }
        Err(StartError::Settings(faults)) => fail(&count(faults)),
        Err(error) => fail(&error),
    }
}

fn check_pages(settings: &Settings) -> Result<String, StartError> {
    let sources = Sources::open(&settings.sources, Arc::new(SystemClock))?;
    let shelf = Shelf::load(&settings.pages, Arc::new(sources))?;
    let faults = shelf.all_faults();
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let pages = match shelf.count() {
        1 => "1 page".to_owned(),
        count => format!("{count} pages"),
    };
    Ok(format!("Everything is in order: {pages} in {}.", settings.pages.display()))
}

/// The faults in the pages when there are some in the settings: whoever mends the ones wants to see the others too.
fn faults_beside(figment: &Figment) -> Faults {
    let Some(ForPages { folder, sources }) = Settings::for_pages(figment) else { return Faults::default() };
    let sources = sources.and_then(|sources| Sources::open(&sources, Arc::new(SystemClock)).ok());
    let shelf = sources.and_then(|sources| Shelf::load(&folder, Arc::new(sources)).ok());
    shelf.map_or_else(|| Shelf::faults_without_sources(&folder), |shelf| shelf.all_faults())
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
