use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rocket::figment::Figment;
use zeroize::{Zeroize, Zeroizing};

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};
use super::state_folder::open_state_folder;

/// The length of Rocket's master key: 256 bits for signing and 256 for encrypting.
const KEY_BYTES: usize = 64;

/// The most that is read of the key's file: base64 and a line break, with room for a stray one.
const MAX_KEY_FILE_BYTES: u64 = 128;

const KEY_FILE: &str = "secret_key";

/// The mode of the file: the key is for the program's own user alone.
const FILE_MODE: u32 = 0o600;

/// The key that signs and encrypts cookies. It wipes itself when dropped and never prints itself.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretKey {
    /// The key itself, for deriving further ones.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// `figment` with this key as Rocket's `secret_key`.
    #[must_use]
    pub fn merge_into(&self, figment: Figment) -> Figment {
        figment.merge(("secret_key", STANDARD.encode(self.0.as_slice())))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The key to give to Rocket: `None` when `secret_key` is configured, and otherwise the one kept in
/// `<state>/secret_key`, which is made at the first start so that a restart keeps people signed in. It makes the state
/// folder if need be.
///
/// # Errors
/// The folder or the file cannot be made or read, others can read the file, or there is no key in it.
pub fn load_or_create_secret_key(figment: &Figment, state: &Path) -> Result<Option<SecretKey>, Diagnostics> {
    if is_configured(figment) {
        return Ok(None);
    }
    open_state_folder(state)?;
    let file = state.join(KEY_FILE);
    let found = match File::open(&file) {
        Ok(opened) => read_key(opened, &file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => create_key(state, &file)?,
        Err(error) => return Err(key_file_error(&file, &error)),
    };
    Ok(Some(found))
}

/// Whether there is a key already, configured or kept in the state folder, so that [`load_or_create_secret_key`] makes none.
pub fn has_secret_key(figment: &Figment, state: &Path) -> bool {
    is_configured(figment) || state.join(KEY_FILE).exists()
}

fn is_configured(figment: &Figment) -> bool {
    let configured = figment.extract_inner::<rocket::config::SecretKey>("secret_key");
    configured.is_ok_and(|key| !key.is_zero())
}

fn read_key(opened: File, file: &Path) -> Result<SecretKey, Diagnostics> {
    let mode = opened.metadata().map_err(|error| key_file_error(file, &error))?.permissions().mode();
    if mode & 0o077 != 0 {
        let help = format!(
            "run `chmod 600 {0}`; if somebody may have read it, remove it: a new one is made, and everybody signs in again",
            file.display()
        );
        return Err(
            Diagnostic::new(SourceLocation::file(file), "other users of this machine can read the secret key", help).into()
        );
    }
    let mut text = Zeroizing::new(String::new());
    let read = opened.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text);
    if let Err(error) = read.as_ref().map_err(io::Error::kind)
        && error != ErrorKind::InvalidData
    {
        return Err(key_file_error(file, &error.into()));
    }
    decode(&text).ok_or_else(|| {
        let help = "remove the file: a new key is made, and everybody signs in again";
        Diagnostic::new(SourceLocation::file(file), "there is no secret key in this file", help).into()
    })
}

fn decode(text: &str) -> Option<SecretKey> {
    let mut bytes = Zeroizing::new(STANDARD.decode(text.trim_end()).ok()?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != KEY_BYTES || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    key.copy_from_slice(&bytes);
    bytes.zeroize();
    Some(SecretKey(key))
}

/// Creates a key, all of it or nothing: it is written beside its place and linked there, which fails when another start
/// of the program was quicker. Then that one's key counts.
fn create_key(state: &Path, file: &Path) -> Result<SecretKey, Diagnostics> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let mut suffix = [0; 8];
    getrandom::fill(key.as_mut_slice()).and_then(|()| getrandom::fill(&mut suffix)).map_err(|error| {
        let message = format!("the system's random generator does not answer: {error}");
        Diagnostics::from(Diagnostic::new(
            SourceLocation::file(file),
            message,
            "let the program read /dev/urandom, or set Rocket's `secret_key`",
        ))
    })?;
    let draft = state.join(format!("{KEY_FILE}.{}", hex::encode(suffix)));
    let linked = write_new(&draft, key.as_slice()).and_then(|()| std::fs::hard_link(&draft, file));
    if let Err(error) = std::fs::remove_file(&draft)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(key_file_error(&draft, &error));
    }
    match linked {
        Ok(()) => Ok(SecretKey(key)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read_key(File::open(file).map_err(|error| key_file_error(file, &error))?, file)
        }
        Err(error) => Err(key_file_error(file, &error)),
    }
}

fn write_new(file: &Path, key: &[u8]) -> io::Result<()> {
    let mut text = Zeroizing::new(STANDARD.encode(key));
    text.push('\n');
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(file)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}

fn key_file_error(file: &Path, error: &io::Error) -> Diagnostics {
    let help = "let the program's user read and write the state folder, or set Rocket's `secret_key`";
    Diagnostic::new(SourceLocation::file(file), format!("the secret key cannot be kept: {error}"), help).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn defaults() -> Figment {
        Figment::from(rocket::Config::default())
    }

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("deep/state");
        let first = load_or_create_secret_key(&defaults(), &state).unwrap().unwrap();
        let again = load_or_create_secret_key(&defaults(), &state).unwrap().unwrap();
        assert_eq!(first.expose(), again.expose());
        assert_ne!(first.expose(), &[0; KEY_BYTES]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join("secret_key"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "the draft is gone");
        assert!(!format!("{first:?}").contains(&STANDARD.encode(first.expose())));
    }

    #[test]
    fn rocket_takes_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = load_or_create_secret_key(&defaults(), folder.path()).unwrap().unwrap();
        let config = rocket::Config::try_from(key.merge_into(defaults().select("release"))).unwrap();
        assert!(!config.secret_key.is_zero());
        assert!(config.secret_key == rocket::config::SecretKey::from(key.expose()));
    }

    #[test]
    fn a_configured_key_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let figment = defaults().merge(("secret_key", STANDARD.encode([7; KEY_BYTES])));
        assert!(load_or_create_secret_key(&figment, &folder.path().join("state")).unwrap().is_none());
        assert!(!folder.path().join("state").exists());
    }

    #[test]
    fn of_many_first_starts_at_once_one_key_remains() {
        let folder = tempfile::tempdir().unwrap();
        let start = || *load_or_create_secret_key(&defaults(), folder.path()).unwrap().unwrap().expose();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create_secret_key(&defaults(), folder.path()).unwrap();
        let file = folder.path().join("secret_key");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let diagnostics = load_or_create_secret_key(&defaults(), folder.path()).unwrap_err();
        assert!(diagnostics.to_string().contains("chmod 600"), "{diagnostics}");
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret_key");
        let zeros = STANDARD.encode([0; KEY_BYTES]);
        for text in [b"" as &[u8], b"short", b"\xff\xfe", zeros.as_bytes(), &[b'A'; 200]] {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let diagnostics = load_or_create_secret_key(&defaults(), folder.path()).unwrap_err();
            assert!(diagnostics.to_string().contains("remove the file"), "{diagnostics}");
        }
    }

    #[test]
    fn a_state_folder_that_cannot_be_made_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        for state in [blocked.clone(), blocked.join("state")] {
            let diagnostics = load_or_create_secret_key(&defaults(), &state).unwrap_err();
            assert!(diagnostics.to_string().contains("BELVEDERE_STATE"), "{diagnostics}");
        }
    }
}
