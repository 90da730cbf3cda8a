use std::collections::HashSet;
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

/// The variable whose value is another for each run: by it the processes are found that have left the run's process group.
pub(super) const RUN_VARIABLE: &str = "RUN_OF_BELVEDERE";

/// How long processes are looked for: those that were started while the last ones were killed are found the next time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause for those that are killed and not gone yet.
const PAUSE: Duration = Duration::from_millis(10);

/// The processes of a run that have left its process group, as daemons do. They are killed when this is dropped, which reads all of
/// /proc and is for a thread that may block.
pub(super) struct Stragglers {
    /// The value of the run's variable.
    run: String,
}

impl Stragglers {
    pub(super) fn new(run: String) -> Self {
        Self { run }
    }
}

impl Drop for Stragglers {
    /// They are known by their environment, which a process inherits.
    fn drop(&mut self) {
        let mark = format!("{RUN_VARIABLE}={}", self.run);
        let began = Instant::now();
        let mut killed = HashSet::new();
        loop {
            let found: Vec<Pid> = processes().filter(|pid| has_variable(*pid, mark.as_bytes())).collect();
            if found.is_empty() {
                return;
            }
            if began.elapsed() >= PATIENCE {
                tracing::error!(
                    "what a command has started is not gone {PATIENCE:?} after it was killed: it hangs, or starts more all the time"
                );
                return;
            }
            let before = killed.len();
            for pid in found {
                // It may have ended by itself.
                let _ = kill_process(pid, Signal::KILL);
                killed.insert(pid);
            }
            // Whoever starts more is given no time for that.
            if killed.len() == before {
                thread::sleep(PAUSE);
            }
        }
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let names = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| Pid::from_raw(name.parse().ok()?))
}

/// Whether a process was started with this variable. Those of other users cannot be read, and are none of ours.
fn has_variable(pid: Pid, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}
