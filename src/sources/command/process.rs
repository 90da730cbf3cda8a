use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout};

use super::stragglers::kill_stragglers;
use crate::sources::SourceError;

/// A program that runs. With this ends all that it has started.
pub(super) struct RunningProcess {
    child: Child,
    /// The process group that it leads.
    group: Option<Pid>,
    /// The value of its run's variable.
    run: String,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    is_over: bool,
}

impl RunningProcess {
    pub(super) fn new(mut child: Child, group: Option<Pid>, run: String) -> Self {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Self { child, group, run, stdout, stderr, is_over: false }
    }

    /// What it writes, and what it says on its standard error.
    pub(super) fn take_pipes(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        self.stdout.take().zip(self.stderr.take())
    }

    /// Waits until it has ended, and ends what it has left behind.
    pub(super) async fn end(&mut self) -> Result<ExitStatus, SourceError> {
        let status = self.child.wait().await;
        self.kill_all().await;
        status.map_err(|error| SourceError::Broken(format!("the program's end cannot be awaited: {error}")))
    }

    /// Kills it with all that it has started.
    pub(super) async fn kill_all(&mut self) {
        if self.is_over {
            return;
        }
        self.kill_group();
        let run = self.run.clone();
        // The only error is that the runtime shuts down.
        let _ = tokio::task::spawn_blocking(move || kill_stragglers(&run)).await;
        self.is_over = true;
    }

    /// Kills its process group at one blow: whoever forks at this moment is killed, too.
    fn kill_group(&self) {
        if let Some(group) = self.group {
            // There may be nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill_group();
            kill_stragglers(&self.run);
        }
    }
}
