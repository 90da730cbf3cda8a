use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use crate::sources::SourceError;

/// The command by which this program becomes a worker. It is not in the help: nobody but this program gives it.
pub const WORKER_COMMAND: &str = "filter-worker";

/// How long a worker may take to end once its socket is closed: it is on its way.
const MAX_END_TIME: Duration = Duration::from_secs(5);

/// Starts a worker, which is asked on `socket`. It ends with its handle, and when the other end of its socket does.
///
/// # Errors
/// The system's.
pub(super) fn start(program: &Path, socket: UnixStream) -> io::Result<Child> {
    Command::new(program)
        .arg(WORKER_COMMAND)
        // Settings and secrets may stand in the environment.
        .env_clear()
        // The allocator's reserve of address space is not memory: only what is touched counts against the limit.
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A Ctrl-C in the terminal is for the server, which ends its workers when it has closed.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The error of a worker that is not ready, with the remedy.
pub(super) fn start_error(reason: &str) -> SourceError {
    SourceError::Broken(format!(
        "the filter's process is not ready: {reason}; the service must be allowed to start this program once more (TasksMax, \
         LimitNPROC, MemoryMax, LimitDATA, noexec) and to read /proc/self"
    ))
}

/// The way in which a worker has ended.
pub(super) async fn end_of(process: Option<Child>) -> String {
    match status_of(process).await {
        Some(status) => format!("it has ended ({status})"),
        None => "it has ended".to_owned(),
    }
}

/// The error of a run whose worker has ended: by its own abort when it got no more memory, or otherwise.
pub(super) async fn death(process: Option<Child>, memory_bytes: u64) -> SourceError {
    let Some(status) = status_of(process).await else {
        return SourceError::Broken("the filter's process has ended".to_owned());
    };
    if status.signal() == Some(Signal::ABORT.as_raw()) {
        let mebibytes = memory_bytes / (1024 * 1024);
        return SourceError::OverLimits(format!(
            "the filter was stopped: it needs more than the {mebibytes} MiB of memory that it may use; let it pick less of the \
             answer, or the source answer less"
        ));
    }
    if status.signal() == Some(Signal::KILL.as_raw()) {
        return SourceError::Broken("the filter's process was killed: this machine may be short of memory".to_owned());
    }
    SourceError::Broken(format!("the filter's process has ended ({status})"))
}

async fn status_of(process: Option<Child>) -> Option<ExitStatus> {
    let mut process = process?;
    if let Ok(status) = tokio::time::timeout(MAX_END_TIME, process.wait()).await {
        return status.ok();
    }
    // It has closed its socket and lives on, of no use to anybody.
    process.start_kill().ok()?;
    process.wait().await.ok()
}
