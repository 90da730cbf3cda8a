use std::process::ExitCode;
use std::sync::Arc;

use crate::config;
use crate::domain::SystemClock;
use crate::server::{Server, StartError};
use crate::sources::{self, FilterWorkers};
use crate::telemetry;

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
    let (server, ready) = Server::build(figment, Arc::new(SystemClock), FilterWorkers::of_this_program()).await?.on_ready();
    tokio::spawn(async {
        if let Ok(ready) = ready.await {
            let scheme = if ready.tls { "https" } else { "http" };
            tracing::info!("Belvedere is open at {scheme}://{}", ready.address);
        }
    });
    server.serve().await
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
