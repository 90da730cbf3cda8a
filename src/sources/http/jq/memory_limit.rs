use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit on the memory that this process may take beyond what it had when it began.
///
/// It is the system's (`RLIMIT_DATA`, `getrlimit(2)`): private writable memory, however it is asked for. An allocation beyond it
/// fails, which ends the process.
pub(in crate::sources) struct MemoryLimit {
    begin_bytes: u64,
}

impl MemoryLimit {
    /// A limit from here on; `None` on systems that do not tell what a process has.
    pub(super) fn from_here() -> Option<Self> {
        Some(Self { begin_bytes: read_status("VmData:")? })
    }

    /// Sets the memory that the process may take from now on.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn set(&self, bytes: u64) -> io::Result<()> {
        let maximum = getrlimit(Resource::Data).maximum;
        let wanted = self.begin_bytes.saturating_add(bytes);
        let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        Ok(setrlimit(Resource::Data, Rlimit { current, maximum })?)
    }
}

/// The memory of its own that this process uses, where the system tells.
pub(super) fn used_bytes() -> Option<u64> {
    read_status("RssAnon:")
}

/// A size in the process's status (`proc_pid_status(5)`).
fn read_status(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(key))?.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}
