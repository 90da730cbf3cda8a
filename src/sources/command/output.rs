//! What a program writes and says, and how it ends.

use std::process::ExitStatus;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::launcher::Launcher;
use crate::sources::SourceError;
use crate::sources::text::truncated;

/// How much of what a program says on its standard error is kept: its first line.
const MAX_SAID_BYTES: usize = 1024;

/// The most characters of that in an error message.
const MAX_SAID_CHARS: usize = 200;

/// Reads what a program writes, to its end.
///
/// # Errors
/// [`SourceError::TooLarge`] as soon as it is more than allowed.
pub(super) async fn read_output(launcher: &Launcher, mut stdout: impl AsyncRead + Unpin) -> Result<Vec<u8>, SourceError> {
    let mut output = Vec::new();
    loop {
        match stdout.read_buf(&mut output).await {
            Ok(0) => return Ok(output),
            Ok(_) if output.len() > launcher.max_bytes => return Err(too_large(launcher)),
            Ok(_) => (),
            Err(error) => return Err(SourceError::Broken(format!("what {} writes cannot be read: {error}", launcher.name))),
        }
    }
}

/// The error of a program that writes too much.
pub(super) fn too_large(launcher: &Launcher) -> SourceError {
    let Launcher { name, max_bytes, .. } = launcher;
    SourceError::TooLarge(format!(
        "{name} wrote more than the {max_bytes} bytes allowed, and was killed; raise max_bytes of the source, or let it write less"
    ))
}

/// Reads what a program says on its standard error to the end, and keeps the first line.
pub(super) async fn read_first_line(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        said.extend(buffer[..count].iter().take(MAX_SAID_BYTES - said.len()));
    }
    String::from_utf8_lossy(&said).lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// Whether the program ended well.
///
/// # Errors
/// [`SourceError::BadAnswer`] with its status and what it said first.
pub(super) fn require_success(launcher: &Launcher, status: ExitStatus, said: &str) -> Result<(), SourceError> {
    if status.success() {
        return Ok(());
    }
    let said = match truncated(&launcher.redact(said), MAX_SAID_CHARS) {
        said if said.is_empty() => String::new(),
        said => format!(": {said}"),
    };
    Err(SourceError::BadAnswer(format!("{} ended with {status}{said}", launcher.name)))
}
