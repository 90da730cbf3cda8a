use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The variable whose value is another for each run: by it the processes are found that have left the run's process group.
pub(super) const RUN_VARIABLE: &str = "RUN_OF_BELVEDERE";

/// How often processes are looked for: those that were started while the last ones were killed are found the next time.
const MAX_ROUNDS: usize = 100;

/// Kills the processes of a run that have left its process group, as daemons do. They are known by their environment, which a
/// process inherits.
pub(super) fn kill_stragglers(run: &str) {
    let mark = format!("{RUN_VARIABLE}={run}");
    for _ in 0..MAX_ROUNDS {
        let found: Vec<Pid> = processes().filter(|pid| has_variable(*pid, mark.as_bytes())).collect();
        if found.is_empty() {
            return;
        }
        for pid in found {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    tracing::error!("what a command has started cannot be ended: it starts more faster than it is killed");
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
