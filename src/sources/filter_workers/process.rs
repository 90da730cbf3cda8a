use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// The command by which this program becomes a worker. It is not in the help: nobody but this program gives it.
pub const WORKER_COMMAND: &str = "filter-worker";

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
