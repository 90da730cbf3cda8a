use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::doctor::{CommandError, parse_username};
use super::serve::report_error;
use crate::audit::{Audit, AuditEvent};
use crate::auth::{Release, release_attempts};
use crate::config::{self, Settings};
use crate::domain::{Client, Clock, SystemClock, Username};
use crate::server::{self, StoreOpener};
use crate::telemetry::{self, Metrics};

/// The arguments of `release`.
#[derive(Args)]
pub(super) struct ReleaseArgs {
    /// The name as it is typed to sign in: alice, CORP\alice, alice@corp.example.com, local\root.
    name: String,
}

pub(super) async fn run(args: ReleaseArgs) -> ExitCode {
    match execute(&args.name).await {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(CommandError::Start(error)) => report_error(&error),
        Err(CommandError::Message(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(name: &str) -> Result<String, CommandError> {
    let username = parse_username(name)?;
    let figment = config::figment();
    let settings = Settings::from_figment(&figment)?;
    // What is done here is in the log and in the audit, like what the server does.
    telemetry::init_logging(&settings.log)?;
    config::open_state_folder_of_server(&settings.state)?;
    server::refuse_moving_store(&settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = server::load_keys(&figment, &settings)?;
    let opener = StoreOpener::new(&settings, &clock);
    let store = opener.failed_attempts().await?;
    let trail = opener.audit().await?;
    let (audit, writer) = Audit::with_trail(trail.clone(), Metrics::new().audit(), Arc::clone(&clock));
    let released = release_attempts(&*store, &keys, &username).await;
    if released.is_ok() {
        audit.record(&Client::default(), &AuditEvent::AttemptsReleased { name: username.as_str(), by: None });
    }
    drop(audit);
    writer.finish().await;
    trail.close().await;
    store.close().await;
    Ok(describe(&username, released?))
}

fn describe(username: &Username, released: Release) -> String {
    match released {
        Release { had_failures: true, .. } => {
            format!("The wrong tries for {username} are forgotten. They may try again at once.")
        }
        Release { is_known: true, .. } => format!("There were no wrong tries for {username}."),
        Release { .. } => format!("There were no wrong tries for {username}, and nobody has signed in with this name so far."),
    }
}
