use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The process's status (`proc_pid_status(5)`).
const STATUS: &str = "/proc/self/status";

/// The limit on the memory that this process may take beyond what it had when it began.
///
/// It is the system's (`RLIMIT_DATA`, `getrlimit(2)`): private writable memory, however it is asked for. An allocation beyond it
/// fails, which ends the process.
pub(in crate::sources) struct MemoryLimit {
    begin_bytes: u64,
}

impl MemoryLimit {
    /// A limit from here on.
    ///
    /// # Errors
    /// On systems that do not tell what a process has.
    pub(super) fn from_here() -> io::Result<Self> {
        Self::from_status(&fs::read_to_string(STATUS)?)
    }

    /// A limit from what the process's status says that it has.
    pub(super) fn from_status(status: &str) -> io::Result<Self> {
        let unknown = || io::Error::other("the system does not tell what a process has (VmData)");
        Ok(Self { begin_bytes: read_size(status, "VmData:").ok_or_else(unknown)? })
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
    read_size(&fs::read_to_string(STATUS).ok()?, "RssAnon:")
}

/// A size in the process's status.
fn read_size(status: &str, key: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(key))?.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}
