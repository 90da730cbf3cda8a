use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};

/// The mode of the state folder: sessions and keys are for the program's own user alone.
const FOLDER_MODE: u32 = 0o700;

/// The bits of a mode by which others than the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Makes the state folder, for the program's user alone, or checks the one that is there: it and what is in it belong to this
/// user, nobody else may write there, and nothing in it is a link to elsewhere. Who could put a file there could sign in as
/// anybody.
///
/// # Errors
/// [`Diagnostics`] that name the fault of the folder, and the remedy.
pub fn open_state_folder(state: &Path) -> Result<(), Diagnostics> {
    open_as(state, geteuid().as_raw())
}

/// Opens the state folder as [`open_state_folder`], for a command beside the server: root makes none where the server most
/// likely runs as somebody else.
///
/// # Errors
/// [`Diagnostics`] that name the fault of the folder, and the remedy.
pub fn open_state_folder_of_server(state: &Path) -> Result<(), Diagnostics> {
    if geteuid().is_root() && !state.exists() {
        leave_to_owner(state)?;
    }
    open_state_folder(state)
}

/// Checks the state folder, where there is one, and makes none: for whoever checks the settings, who need not be the server's user.
/// Only root and that user can look into it.
///
/// # Errors
/// [`Diagnostics`] that name the fault of the folder, and the remedy.
pub fn check_state_folder(state: &Path) -> Result<(), Diagnostics> {
    let user = geteuid();
    match fs::metadata(state) {
        Ok(folder) if folder.is_dir() && (user.is_root() || folder.uid() == user.as_raw()) => {
            check(state, &folder, folder.uid()).map_err(Diagnostics::from)
        }
        Ok(folder) if !folder.is_dir() => Err(unmade(state, &io::Error::from(ErrorKind::NotADirectory)).into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens it as this user.
fn open_as(state: &Path, user: u32) -> Result<(), Diagnostics> {
    match fs::metadata(state) {
        Ok(folder) if folder.is_dir() => check(state, &folder, user).map_err(Diagnostics::from),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(state);
            made.map_err(|error| unmade(state, &error).into())
        }
        Ok(_) => Err(unmade(state, &io::Error::from(ErrorKind::NotADirectory)).into()),
        Err(error) => Err(unmade(state, &error).into()),
    }
}

/// Refuses to make root's state folder in a folder of somebody else's.
fn leave_to_owner(state: &Path) -> Result<(), Diagnostic> {
    let Some((parent, owner)) = owner_of_parent(state).filter(|(_, owner)| *owner != 0) else { return Ok(()) };
    let message = format!(
        "there is no state folder yet, and root's would not be the server's: {} belongs to {}",
        parent.display(),
        user_name(owner)
    );
    Err(Diagnostic::new(SourceLocation::file(state), message, run_as(owner)))
}

/// The nearest folder above the state folder that is there, and its owner.
fn owner_of_parent(state: &Path) -> Option<(PathBuf, u32)> {
    let state = std::path::absolute(state).ok()?;
    state.ancestors().skip(1).find_map(|parent| Some((parent.to_owned(), fs::metadata(parent).ok()?.uid())))
}

fn check(state: &Path, folder: &Metadata, user: u32) -> Result<(), Diagnostic> {
    check_owner(state, folder, user)?;
    check_mode(state, folder)?;
    let entries =
        fs::read_dir(state).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|error| unmade(state, &error))?;
    for path in entries.into_iter().map(|entry| entry.path()) {
        // A file of SQLite's own may be gone by now.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_symlink() {
            let help = "put the file itself there, or make `state` (BELVEDERE_STATE) the folder where it is";
            return Err(Diagnostic::new(SourceLocation::file(&path), "there is a symbolic link in the state folder", help));
        }
        check_owner(&path, &metadata, user)?;
        check_mode(&path, &metadata)?;
    }
    Ok(())
}

fn check_owner(path: &Path, metadata: &Metadata, user: u32) -> Result<(), Diagnostic> {
    let owner = metadata.uid();
    if owner == user {
        return Ok(());
    }
    let message = format!("this belongs to {}, and the program runs as {}", user_name(owner), user_name(user));
    let help = format!("{}; or give it to {1}, as root: `chown -R {1} {2}`", run_as(owner), user_name(user), path.display());
    Err(Diagnostic::new(SourceLocation::file(path), message, help))
}

fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), Diagnostic> {
    if metadata.mode() & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    let help = format!("run `chmod go-w {}`, and see that nobody has put anything there", path.display());
    Err(Diagnostic::new(SourceLocation::file(path), "other users of this machine can write the server's state", help))
}

fn run_as(owner: u32) -> String {
    format!("run it as that user: `sudo -u {} belvedere …`", sudo_name(owner))
}

fn sudo_name(user: u32) -> String {
    name_of(user).unwrap_or_else(|| format!("'#{user}'"))
}

fn user_name(user: u32) -> String {
    name_of(user).unwrap_or_else(|| user.to_string())
}

/// The name of a user, where `/etc/passwd` has it (passwd(5)).
fn name_of(user: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut users = users.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

fn unmade(state: &Path, error: &io::Error) -> Diagnostic {
    let help = "make it, owned by the program's user with mode 700, or set `state` (BELVEDERE_STATE) to another folder";
    Diagnostic::new(SourceLocation::file(state), format!("the state folder cannot be made: {error}"), help)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn refusal(state: &Path, user: u32) -> String {
        open_as(state, user).expect_err("it is refused").to_string()
    }

    fn me() -> u32 {
        geteuid().as_raw()
    }

    #[test]
    fn a_folder_of_ones_own_is_made_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("deep/state");
        open_state_folder(&state).unwrap();
        fs::write(state.join("sessions.db"), "").unwrap();
        open_state_folder(&state).unwrap();
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        // The folder itself may be elsewhere: whoever made the link chose it.
        let link = folder.path().join("link");
        symlink(&state, &link).unwrap();
        open_state_folder(&link).unwrap();
    }

    #[test]
    fn a_folder_of_somebody_elses_is_refused_with_the_user_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let other = me() + 4_000_001;
        let said = refusal(folder.path(), other);
        assert!(
            said.contains("belongs to") && said.contains("sudo -u") && said.contains(&format!("chown -R {other}")),
            "{said}"
        );
    }

    #[test]
    fn what_others_can_write_or_lead_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        for mode in [0o770, 0o702, 0o777] {
            fs::set_permissions(state, fs::Permissions::from_mode(mode)).unwrap();
            assert!(refusal(state, me()).contains("chmod go-w"), "{mode:o}");
        }
        fs::set_permissions(state, fs::Permissions::from_mode(0o755)).unwrap();
        open_state_folder(state).unwrap();
        let file = state.join("accounts.db");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(refusal(state, me()).contains("accounts.db"));
        fs::remove_file(&file).unwrap();
        for target in ["/dev/null", "nowhere"] {
            symlink(target, &file).unwrap();
            assert!(refusal(state, me()).contains("symbolic link"), "{target}");
            assert!(check_state_folder(state).expect_err("it is told").to_string().contains("symbolic link"));
            fs::remove_file(&file).unwrap();
        }
        open_state_folder(state).unwrap();
        check_state_folder(state).unwrap();
        check_state_folder(&state.join("none")).unwrap();
        assert!(!state.join("none").exists(), "checking makes no folder");
    }
}
