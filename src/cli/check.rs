use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rocket::figment::Figment;

use crate::config::{self, Diagnostic, Diagnostics, Settings};
use crate::domain::{Clock, SystemClock};
use crate::pages::PageStore;
use crate::server::StartError;
use crate::sources::{self, FilterWorkers, NamedSources, Sources};

use super::certificate_dates::{CertificateDates, certificate_dates};
use super::online;
use super::serve::report_error;

/// The arguments of `check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// Dial too: the directory, for the groups and people that pages and settings name, and every panel's source.
    #[arg(long)]
    online: bool,
}

/// Checks everything that can be checked offline, and with `--online` the directory and the sources too.
pub(super) async fn run(args: CheckArgs) -> ExitCode {
    let figment = config::figment();
    let checked = match sources::read_settings(&figment) {
        Ok((settings, named_sources)) => {
            check(&figment, &settings, &named_sources, args.online).await.map(|message| message + &exposed_notes(&figment))
        }
        Err(mut faults) => {
            faults.extend(page_faults(&figment));
            Err(StartError::Settings(faults))
        }
    };
    match checked {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(StartError::Settings(faults)) => report_error(&print_count(faults)),
        Err(error) => report_error(&error),
    }
}

async fn check(
    figment: &Figment,
    settings: &Settings,
    named_sources: &NamedSources,
    online: bool,
) -> Result<String, StartError> {
    let sources = Arc::new(Sources::open(named_sources, &clock(), &filters())?);
    let page_store = PageStore::load(&settings.pages, Arc::clone(&sources))?;
    let mut faults = page_store.diagnostics();
    faults.extend(config::check_state_folder(&settings.state).err().into_iter().flatten());
    let (bad, expiring): (Vec<_>, _) =
        certificate_dates(figment, clock().now()).into_iter().partition(|certificate| certificate.is_fault);
    faults.extend(bad.into_iter().map(|certificate| certificate.diagnostic));
    let mut notes = expiring_notes(&expiring);
    notes.extend(named_sources.exposures().map(|(source, exposure)| format!("\nThe source '{source}': {exposure}.")));
    if online {
        let (found, unchecked) = online::check(settings, &page_store, &sources).await?;
        faults.extend(found);
        notes.insert_str(0, &unchecked);
    }
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let pages = match page_store.count() {
        1 => "1 page".to_owned(),
        count => format!("{count} pages"),
    };
    Ok(format!("Everything is in order: {pages} in {}.{notes}", settings.pages.display()))
}

/// A line for each certificate that expires soon.
fn expiring_notes(expiring: &[CertificateDates]) -> String {
    let note = |CertificateDates { diagnostic: Diagnostic { message, help, .. }, .. }: &CertificateDates| {
        format!("\n{message}: {help}.")
    };
    expiring.iter().map(note).collect()
}

/// A line for each file with a secret that every user of this machine may read: not a fault, since all works.
fn exposed_notes(figment: &Figment) -> String {
    let note = |file: PathBuf| {
        let file = file.display();
        format!("\nEvery user of this machine may read {file}, and there is a secret in it: run `chmod o= {file}`.")
    };
    Settings::exposed_secrets(figment).into_iter().map(note).collect()
}

/// The faults in the pages when there are some in the settings: whoever mends the ones wants to see the others too.
fn page_faults(figment: &Figment) -> Diagnostics {
    let Some((folder, named_sources)) = Settings::for_pages(figment, NamedSources::read) else { return Diagnostics::default() };
    let sources = named_sources.and_then(|named_sources| Sources::open(&named_sources, &clock(), &filters()).ok());
    let page_store = sources.and_then(|sources| PageStore::load(&folder, Arc::new(sources)).ok());
    page_store.map_or_else(|| PageStore::diagnostics_without_sources(&folder), |page_store| page_store.diagnostics())
}

fn filters() -> Arc<FilterWorkers> {
    Arc::new(FilterWorkers::of_this_program())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn print_count(faults: Diagnostics) -> StartError {
    if std::io::stderr().is_terminal() {
        eprintln!("{} to mend:\n", if faults.len() == 1 { "One thing".to_owned() } else { format!("{} things", faults.len()) });
    }
    StartError::Settings(faults)
}
