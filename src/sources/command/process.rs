use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::places::RunPlace;
use super::stragglers::Stragglers;
use crate::sources::SourceError;

/// A program that runs. With this ends all that it has started.
pub(super) struct RunningProcess {
    /// There until it is killed.
    living: Option<LivingProcess>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// A program, and what has to go with it.
struct LivingProcess {
    child: Child,
    /// The process group that it leads.
    group: Option<Pid>,
    stragglers: Stragglers,
    place: RunPlace,
}

impl RunningProcess {
    pub(super) fn new(mut child: Child, group: Option<Pid>, stragglers: Stragglers, place: RunPlace) -> Self {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Self { living: Some(LivingProcess { child, group, stragglers, place }), stdout, stderr }
    }

    /// What it writes, and what it says on its standard error.
    pub(super) fn take_pipes(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        self.stdout.take().zip(self.stderr.take())
    }

    /// Waits until it has ended, and ends what it has left behind.
    pub(super) async fn end(&mut self) -> Result<ExitStatus, SourceError> {
        let status = match &mut self.living {
            Some(living) => living.child.wait().await,
            None => Err(io::Error::other("it was killed")),
        };
        self.kill_all().await;
        status.map_err(|error| SourceError::Broken(format!("the program's end cannot be awaited: {error}")))
    }

    /// Kills it with all that it has started. False where the server may not, as the program runs as another user.
    pub(super) async fn kill_all(&mut self) -> bool {
        let Some(living) = self.living.take() else { return true };
        let (is_killed, stragglers) = living.kill();
        if let Some(stragglers) = stragglers {
            // The only error is that the runtime shuts down.
            let _ = stragglers.await;
        }
        is_killed
    }
}

impl LivingProcess {
    /// Kills it, and looks for its stragglers on a thread. Its place is free when all have ended, however long that takes one
    /// that waits for a disk, or that cannot be killed.
    fn kill(self) -> (bool, Option<JoinHandle<()>>) {
        let Self { mut child, group, stragglers, place } = self;
        let is_killed = group.is_none_or(kill_group);
        // Where there is no runtime any more, the stragglers are killed here.
        let Ok(runtime) = Handle::try_current() else { return (is_killed, None) };
        let place = Arc::new(place);
        let place_of_stragglers = Arc::clone(&place);
        let stragglers = runtime.spawn_blocking(move || {
            drop(stragglers);
            drop(place_of_stragglers);
        });
        runtime.spawn(async move {
            // There is nobody left whom an error could be told.
            let _ = child.wait().await;
            drop(place);
        });
        (is_killed, Some(stragglers))
    }
}

/// Kills a process group at one blow: whoever forks at this moment is killed, too. False where the server may kill none of it.
fn kill_group(group: Pid) -> bool {
    // There may be nobody left.
    let is_allowed = kill_process_group(group, Signal::KILL) != Err(Errno::PERM);
    if !is_allowed {
        tracing::error!("a command cannot be killed, as it runs as another user; it keeps its place until it ends by itself");
    }
    is_allowed
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if let Some(living) = self.living.take() {
            living.kill();
        }
    }
}
