use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::error::MoveError;
use super::move_target::MoveTarget;

/// The name of the file.
const NAME: &str = "move_store";

/// The file in the state folder that tells which move is under way, from it or into it.
pub(in crate::server) struct MoveFile(PathBuf);

impl MoveFile {
    /// The file in this folder.
    pub(in crate::server) fn in_state_folder(state: &Path) -> Self {
        Self(state.join(NAME))
    }

    /// Whether the folder lacks what a move into it has not brought yet.
    pub(in crate::server) fn is_folder_incomplete(&self) -> bool {
        // What cannot be read is no reason: the folder's other files are.
        self.read().ok().flatten().is_some_and(|(target, _)| target == MoveTarget::Embedded)
    }

    /// The target and the id of the move that is under way.
    pub(super) fn read(&self) -> Result<Option<(MoveTarget, Uuid)>, MoveError> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let parsed = text.trim().split_once(' ').and_then(|(word, id)| {
            let target = [MoveTarget::Postgres, MoveTarget::Embedded].into_iter().find(|target| target.as_str() == word);
            target.zip(id.parse().ok())
        });
        // Nothing is copied before it is whole.
        Ok(parsed)
    }

    /// Notes that a move has begun.
    pub(super) fn write(&self, target: MoveTarget, id: Uuid) -> Result<(), MoveError> {
        fs::write(&self.0, format!("{} {id}\n", target.as_str())).map_err(|error| self.failed(error))
    }

    /// Notes that none is under way.
    pub(super) fn remove(&self) -> Result<(), MoveError> {
        fs::remove_file(&self.0).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> MoveError {
        MoveError::File { path: self.0.clone(), error }
    }
}
