use std::process::ExitCode;
use std::time::Duration;

use rocket::Config;
use rocket::figment::Figment;
use tokio::runtime::Builder;

/// How long the runtime waits for blocking work that is still going on at the end, as Rocket's own does.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Runs a command to its end, on as many threads as Rocket's settings say.
///
/// Rocket's own `execute` reads them too, but where they cannot be read it ends the program by a panic that shows the line of the
/// file, whatever secret is in it. Here the defaults do until the command has told what is wrong.
pub(super) fn run(command: impl Future<Output = ExitCode>) -> ExitCode {
    let (figment, defaults) = (Config::figment(), Config::default());
    let runtime = Builder::new_multi_thread()
        .thread_name("rocket-worker-thread")
        .worker_threads(number(&figment, Config::WORKERS, defaults.workers))
        .max_blocking_threads(number(&figment, Config::MAX_BLOCKING, defaults.max_blocking))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("belvedere: there are no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_WAIT);
    code
}

/// A number of threads: without any, nothing would ever run.
fn number(figment: &Figment, key: &str, default: usize) -> usize {
    figment.extract_inner(key).ok().filter(|number| *number > 0).unwrap_or(default)
}
