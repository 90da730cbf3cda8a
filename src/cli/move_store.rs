use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::serve::report_error;
use crate::config::{self, Settings};
use crate::server::{MoveError, MoveTarget, StartError, move_store};
use crate::store::transfer::TableDigest;

/// The arguments of `move-store`.
#[derive(Args)]
pub(super) struct MoveStoreArgs {
    /// Where to: into the PostgreSQL database of [default.store], or back into files in the state folder.
    #[arg(long)]
    to: Engine,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Postgres,
    Embedded,
}

pub(super) async fn run(args: MoveStoreArgs) -> ExitCode {
    match execute(args.to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(MoveError::Start(error)) => report_error(&error),
        Err(error) => {
            eprintln!("belvedere: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(to: Engine) -> Result<(), MoveError> {
    let figment = config::figment();
    let settings = Settings::from_figment(&figment).map_err(StartError::from)?;
    let (target, remains) = match to {
        Engine::Postgres => {
            (MoveTarget::Postgres, "Every server needs the same secret key: `secret_key`, or the state folder's.")
        }
        Engine::Embedded => (
            MoveTarget::Embedded,
            "Take `url` out of [default.store] before the server starts. It needs the same secret key as before.",
        ),
    };
    let report = |table: &str, digest: &TableDigest| {
        println!("{table}: {} rows, SHA-256 {}", digest.rows, hex::encode(digest.hash));
    };
    move_store(&figment, &settings, target, report).await?;
    println!("All rows were copied and compared. What they were copied from is as it was.");
    println!("{remains}");
    Ok(())
}
