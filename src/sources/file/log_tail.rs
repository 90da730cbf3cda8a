use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::file_version::{FileNumber, FileVersion, open, read_error};
use super::whole_file::blocking;
use crate::sources::{SourceDocument, SourceError};

/// How long a line without its end is waited for: its writer may be in the middle of it.
const LINE_WAIT: Duration = Duration::from_secs(2);

/// The longest line; of a longer one, this is the beginning.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// How many bytes before the place up to which a log was read tell whether it is still the same log: one that was emptied may
/// have grown past that place since.
const ANCHOR_BYTES: usize = 256;

/// How long a log is missed while it is rotated: the old one is renamed before the new one is there.
const ROTATION_GAP: Duration = Duration::from_millis(300);

/// The most files beside a log that are looked at for the one that it was renamed to.
const MAX_SIBLINGS: usize = 1_000;

/// The last lines of a log, which go on when it is renamed and begun anew, and when it is emptied.
pub(super) struct LogTail {
    path: PathBuf,
    max_lines: usize,
    max_bytes: usize,
    state: Mutex<TailState>,
}

/// How far a log was read, and its last lines.
#[derive(Default)]
struct TailState {
    file: Option<FileNumber>,
    offset: u64,
    /// The bytes before the offset.
    anchor: Vec<u8>,
    /// The beginning of a line whose end is not there yet.
    partial: Vec<u8>,
    /// Whether a part of a line was left out, up to the next line break.
    is_skipping: bool,
    lines: VecDeque<String>,
    line_bytes: usize,
}

impl LogTail {
    pub(super) fn new(path: &Path, max_lines: usize, max_bytes: usize) -> Self {
        Self { path: path.to_owned(), max_lines, max_bytes, state: Mutex::default() }
    }

    /// The lines, as a list of objects: `[{"line": "…"}]`.
    ///
    /// # Errors
    /// [`SourceError`] when the log cannot be read.
    pub(super) async fn read(this: &Arc<Self>) -> Result<SourceDocument, SourceError> {
        let follow = |tail: Arc<Self>| blocking(move || tail.follow(SystemTime::now()));
        match follow(Arc::clone(this)).await {
            Err(SourceError::Unreachable(_)) => {
                tokio::time::sleep(ROTATION_GAP).await;
                follow(Arc::clone(this)).await
            }
            answer => answer,
        }
    }

    /// Reads what is new, when the clock says `now`.
    pub(super) fn follow(&self, now: SystemTime) -> Result<SourceDocument, SourceError> {
        let failed = |error: io::Error| read_error(&self.path, &error);
        let (file, version) = open(&self.path)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.goes_on_in(&file, &version).map_err(failed)? {
            if let Some(old) = state.file.filter(|old| *old != version.identity) {
                self.finish(&mut state, old);
            }
            state.begin(version.identity);
        }
        self.read_from(&mut state, &file, version.length).map_err(failed)?;
        let pending = version.is_older_than(LINE_WAIT, now).then(|| state.pending_line()).flatten();
        let rows: Vec<_> = state.lines.iter().chain(&pending).map(|line| serde_json::json!({ "line": line })).collect();
        drop(state);
        let json =
            serde_json::to_vec(&rows).map_err(|error| SourceError::Broken(format!("the lines cannot be told: {error}")))?;
        Ok(SourceDocument::new(json))
    }

    /// Reads the rest of a log that was renamed, if it is still beside the new one. A file with its number may be another, to
    /// which the system gave the number of one that was deleted: only the bytes before the offset tell.
    fn finish(&self, state: &mut TailState, old: FileNumber) {
        let Some(folder) = self.path.parent() else { return };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut siblings = entries.take(MAX_SIBLINGS).filter_map(Result::ok).map(|entry| entry.path());
        let is_old = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && (metadata.dev(), metadata.ino()) == old)
        };
        let Some(renamed) = siblings.find(is_old) else { return };
        // What of it cannot be read is lost, as it would be with the file.
        let Ok((file, version)) = open(&renamed) else { return };
        if !state.anchor.is_empty() && state.goes_on_in(&file, &version).unwrap_or(false) {
            let _ = self.read_from(state, &file, version.length);
        }
    }

    /// Takes another file for the one that was read so far.
    #[cfg(test)]
    pub(super) fn confuse_with(&self, file: FileNumber) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).file = Some(file);
    }

    /// Reads up to `length`, or only the end of that, if it is more than what is looked at.
    fn read_from(&self, state: &mut TailState, file: &File, length: u64) -> io::Result<()> {
        let most = self.max_bytes as u64;
        if length.saturating_sub(state.offset) > most {
            state.jump_to(length - most);
        }
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(state.offset)).unwrap_or_default()];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], state.offset + read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        state.push(&bytes[..read], self);
        Ok(())
    }
}

impl TailState {
    /// Whether the file is the one that was read so far, with everything in it that was.
    fn goes_on_in(&self, file: &File, version: &FileVersion) -> io::Result<bool> {
        if self.file != Some(version.identity) || version.length < self.offset {
            return Ok(false);
        }
        let mut before = vec![0; self.anchor.len()];
        match file.read_exact_at(&mut before, self.offset - self.anchor.len() as u64) {
            Ok(()) => Ok(before == self.anchor),
            // It was emptied just now.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Goes on at the beginning of another file, or of the same that was emptied.
    fn begin(&mut self, file: FileNumber) {
        self.file = Some(file);
        self.offset = 0;
        self.anchor.clear();
        if let Some(line) = self.pending_line() {
            self.add_line(line);
        }
        self.partial.clear();
        self.is_skipping = false;
    }

    /// Goes on at an offset further on, at the line that begins there or after.
    fn jump_to(&mut self, offset: u64) {
        self.offset = offset;
        self.anchor.clear();
        self.partial.clear();
        self.is_skipping = true;
        self.lines.clear();
        self.line_bytes = 0;
    }

    fn push(&mut self, bytes: &[u8], limits: &LogTail) {
        let without_mark = if self.offset == 0 { bytes.strip_prefix("\u{feff}".as_bytes()) } else { None };
        for part in without_mark.unwrap_or(bytes).split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(self.partial.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            self.partial.extend_from_slice(&text[..text.len().min(room)]);
            if text.len() < part.len() {
                let line = line_of(&self.partial);
                self.partial.clear();
                if !std::mem::take(&mut self.is_skipping) {
                    self.add_line(line);
                }
            }
        }
        while self.lines.len() > limits.max_lines || self.line_bytes > limits.max_bytes {
            self.line_bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
        self.offset += bytes.len() as u64;
        self.anchor.extend_from_slice(&bytes[bytes.len().saturating_sub(ANCHOR_BYTES)..]);
        self.anchor.drain(..self.anchor.len().saturating_sub(ANCHOR_BYTES));
    }

    fn add_line(&mut self, line: String) {
        self.line_bytes += line.len();
        self.lines.push_back(line);
    }

    /// The line that has no end yet.
    fn pending_line(&self) -> Option<String> {
        (!self.partial.is_empty() && !self.is_skipping).then(|| line_of(&self.partial))
    }
}

fn line_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}
