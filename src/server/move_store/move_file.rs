use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use uuid::Uuid;

use super::error::MoveError;
use super::move_target::MoveTarget;

/// The name of the file.
const NAME: &str = "move_store";

/// The file in the state folder that tells which move is under way, from it or into it.
pub(in crate::server) struct MoveFile {
    folder: PathBuf,
    path: PathBuf,
}

impl MoveFile {
    /// The file in this folder.
    pub(in crate::server) fn in_state_folder(state: &Path) -> Self {
        Self { folder: state.to_owned(), path: state.join(NAME) }
    }

    /// Whether the folder lacks what a move into it has not brought yet. What cannot be read may be of such a move.
    pub(in crate::server) fn is_folder_incomplete(&self) -> bool {
        match self.read() {
            Ok(found) => found.is_some_and(|(target, _)| target == MoveTarget::Embedded),
            Err(_) => true,
        }
    }

    /// The target and the id of the move that is under way.
    pub(super) fn read(&self) -> Result<Option<(MoveTarget, Uuid)>, MoveError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let parsed = text.trim().split_once(' ').and_then(|(word, id)| {
            let target = [MoveTarget::Postgres, MoveTarget::Embedded].into_iter().find(|target| target.as_str() == word);
            target.zip(id.parse().ok())
        });
        let damaged = || {
            self.failed(io::Error::new(
                ErrorKind::InvalidData,
                "it names no move; empty what one was to fill, and delete the file",
            ))
        };
        parsed.map(Some).ok_or_else(damaged)
    }

    /// Notes that a move has begun. The note is whole and on disk before anything is copied.
    pub(super) fn write(&self, target: MoveTarget, id: Uuid) -> Result<(), MoveError> {
        self.replace(&format!("{} {id}\n", target.as_str())).map_err(|error| self.failed(error))
    }

    /// Notes that none is under way.
    pub(super) fn remove(&self) -> Result<(), MoveError> {
        fs::remove_file(&self.path).and_then(|()| self.sync_folder()).map_err(|error| self.failed(error))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        self.sync_folder()
    }

    /// A name in a folder outlives a power cut once the folder is on disk.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn failed(&self, error: io::Error) -> MoveError {
        MoveError::File { path: self.path.clone(), error }
    }
}
