use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Turns off core dumps of this process: passwords, keys and sessions pass through its memory. The limit alone would not do,
/// as the kernel does not heed it when it pipes a dump to a program (core(5)); a process that is not dumpable leaves none.
///
/// # Errors
/// The system's.
pub(super) fn disable() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
