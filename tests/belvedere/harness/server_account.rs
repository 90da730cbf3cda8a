//! The accounts that servers run under when the tests run as root, as whom they refuse to run.

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::server_process;

/// An account by its name. Where the tests do not run as root, the servers run under the tests' own.
pub(crate) struct ServerAccount(pub(crate) &'static str);

impl ServerAccount {
    /// Gives a file or a folder to the account.
    ///
    /// # Errors
    /// When there is no such account, or the file is not root's.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        if !is_root()? {
            return Ok(());
        }
        let id = |option| -> io::Result<u32> {
            let id = server_process::run(Command::new("id").args([option, self.0]))?;
            id.trim().parse().map_err(io::Error::other)
        };
        chown(path, Some(id("-u")?), Some(id("-g")?))
    }

    /// A command that runs under the account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        if !is_root().unwrap_or(false) {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", self.0, "--regid", self.0, "--clear-groups", "--pdeathsig", "TERM"]);
        command.arg(program);
        command
    }
}

/// Lets every account write to `/dev/null`, as the tools of servers do: in some containers only root may.
///
/// # Errors
/// The system's.
pub(crate) fn open_null_device() -> io::Result<()> {
    const NULL: &str = "/dev/null";
    let permissions = fs::metadata(NULL)?.permissions();
    if permissions.mode() & 0o666 != 0o666 && is_root()? {
        fs::set_permissions(NULL, fs::Permissions::from_mode(permissions.mode() | 0o666))?;
    }
    Ok(())
}

fn is_root() -> io::Result<bool> {
    Ok(server_process::run(Command::new("id").arg("-u"))?.trim() == "0")
}
