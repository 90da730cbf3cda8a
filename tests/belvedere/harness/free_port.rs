//! Ports of loopback for the servers of tests.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The ports that are given: below those that the system gives to whoever asks for any, and connects from
/// (`ip_local_port_range`). So nobody takes one between here and the start of its server.
const PORTS: Range<u16> = 12_000..32_000;

/// The locks on the ports that this process has, which others of its account that run tests respect.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that nothing listens on, and that nobody else is given for as long as this process lives.
///
/// # Errors
/// When there is none, or no lock can be written.
pub(crate) fn free_port() -> io::Result<u16> {
    let folder = lock_folder()?;
    let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
    let first = std::process::id() as usize * 61 + reserved.len();
    for number in first..first + PORTS.len() {
        let port = PORTS.start + u16::try_from(number % PORTS.len()).map_err(io::Error::other)?;
        let lock = File::create(folder.join(port.to_string()))?;
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            reserved.push(lock);
            return Ok(port);
        }
    }
    Err(io::Error::other("no port is free"))
}

/// The folder of the locks, in which nobody but this account writes: a file there could be a link to any other.
fn lock_folder() -> io::Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("belvedere-test-ports-{uid}"));
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == uid && found.mode() % 0o100 == 0 {
        Ok(folder)
    } else {
        Err(io::Error::other(format!("{} is not this account's alone", folder.display())))
    }
}
