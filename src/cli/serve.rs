use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use crate::config::{self, Diagnostic, Settings};
use crate::domain::{Clock as _, SystemClock};
use crate::server::{Server, StartError};
use crate::sources::{self, FilterWorkers};
use crate::telemetry;

use super::certificate_dates::{CertificateDates, certificate_dates};

pub(super) async fn run() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_error(&error),
    }
}

async fn serve() -> Result<(), StartError> {
    let figment = config::figment();
    // Before anything else, so that whatever goes wrong from here on is logged as the settings say.
    let (settings, _) = sources::read_settings(&figment)?;
    telemetry::init_logging(&settings.log)?;
    let _ignored = ignore_requests_to_reload();
    for file in Settings::exposed_secrets(&figment) {
        let file = file.display();
        tracing::warn!(%file, "every user of this machine may read this file, and there is a secret in it: run `chmod o= {file}`");
    }
    for CertificateDates { diagnostic: Diagnostic { message, help, .. }, .. } in certificate_dates(&figment, SystemClock.now())
    {
        tracing::warn!("{message}: {help}");
    }
    let (server, ready) = Server::build(figment, Arc::new(SystemClock), FilterWorkers::of_this_program()).await?.on_ready();
    tokio::spawn(async {
        if let Ok(ready) = ready.await {
            let scheme = if ready.tls { "https" } else { "http" };
            tracing::info!("Belvedere is open at {scheme}://{}", ready.address);
        }
    });
    server.serve().await
}

/// Ignores the signals by which other servers read their settings again or open their log anew, with a line in the log: by default
/// they would end this one without a word.
fn ignore_requests_to_reload() -> Vec<AbortOnDropHandle<()>> {
    let ignored =
        [("SIGHUP", SignalKind::hangup()), ("SIGUSR1", SignalKind::user_defined1()), ("SIGUSR2", SignalKind::user_defined2())];
    ignored.into_iter().filter_map(|(name, kind)| ignore(name, kind)).collect()
}

fn ignore(name: &'static str, kind: SignalKind) -> Option<AbortOnDropHandle<()>> {
    let mut received =
        signal(kind).inspect_err(|error| tracing::warn!(%error, "{name} cannot be ignored: it would end the server")).ok()?;
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        while received.recv().await.is_some() {
            tracing::warn!(
                "{name} is ignored: settings and certificates are read at the start, so restart the server for them; page files \
                 are read whenever they change, and the log is standard error"
            );
        }
    })))
}

/// Prints an error on standard error, and gives the exit code for failure.
pub(super) fn report_error(error: &StartError) -> ExitCode {
    use std::io::IsTerminal;
    let text = match error {
        StartError::Settings(faults) => faults.render(std::io::stderr().is_terminal()),
        error => format!("belvedere: {error}"),
    };
    eprintln!("{}", text.trim_end());
    ExitCode::FAILURE
}
