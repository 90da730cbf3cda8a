use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::file_version::{FileVersion, open, read_error};
use super::settings::FileFormat;
use super::spreadsheet;
use crate::config::format_duration;
use crate::sources::{SourceDocument, SourceError};

/// How long a file must have stayed as it is before it is read: a program that writes it in place does so in steps.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// How long ago a file was written that nobody is writing any more, however the clocks of two machines differ in their seconds.
const SETTLED_AGE: Duration = Duration::from_secs(10);

/// How often it is looked whether it has settled. One that never does is not waited for.
const MAX_LOOKS: usize = 10;

/// A file that is read whole, when it has changed.
pub(super) struct WholeFile {
    file: Arc<FileToRead>,
    settle_time: Duration,
    /// The last document, and the version of the file that it was made of.
    last: Mutex<Option<(FileVersion, SourceDocument)>>,
}

struct FileToRead {
    path: PathBuf,
    format: FileFormat,
    sheet: Option<String>,
    max_bytes: usize,
}

impl WholeFile {
    pub(super) fn new(path: &Path, format: FileFormat, sheet: Option<String>, max_bytes: usize) -> Self {
        let file = Arc::new(FileToRead { path: path.to_owned(), format, sheet, max_bytes });
        Self { file, settle_time: SETTLE_TIME, last: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn with_settle_time(self, settle_time: Duration) -> Self {
        Self { settle_time, ..self }
    }

    /// The document of the file as it is now.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read, or is written all the time.
    pub(super) async fn read(&self) -> Result<SourceDocument, SourceError> {
        let mut last = self.last.lock().await;
        let mut version = self.version().await?;
        if let Some((known, document)) = &*last
            && *known == version
        {
            return Ok(document.clone());
        }
        let mut has_settled = version.is_older_than(SETTLED_AGE, SystemTime::now());
        for _ in 0..MAX_LOOKS {
            if has_settled {
                let file = Arc::clone(&self.file);
                let document = blocking(move || file.read()).await?;
                let after = self.version().await?;
                if after == version {
                    *last = Some((version, document.clone()));
                    return Ok(document);
                }
                version = after;
            }
            tokio::time::sleep(self.settle_time).await;
            let later = self.version().await?;
            has_settled = later == version;
            version = later;
        }
        let (path, limit) = (self.file.path.display(), format_duration(self.settle_time));
        Err(SourceError::BadAnswer(format!(
            "{path} is written all the time, and never stays as it is for {limit}; let its writer write another file and rename it"
        )))
    }

    async fn version(&self) -> Result<FileVersion, SourceError> {
        let file = Arc::clone(&self.file);
        blocking(move || FileVersion::of(&file.path)).await
    }
}

impl FileToRead {
    fn read(&self) -> Result<SourceDocument, SourceError> {
        let name = self.path.display().to_string();
        let failed = |error: std::io::Error| read_error(&self.path, &error);
        let mut bytes = Vec::new();
        let limit = self.max_bytes as u64;
        // One byte more tells a file that is too large from one that just fits.
        let (file, _) = open(&self.path)?;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > self.max_bytes {
            return Err(SourceError::TooLarge(format!("{name} is larger than {limit} bytes; raise max_bytes, or write less")));
        }
        match self.format {
            FileFormat::Document(format) => format.document(bytes, &name),
            FileFormat::Spreadsheet => {
                spreadsheet::rows_to_json(bytes, self.sheet.as_deref(), self.max_bytes, &name).map(SourceDocument::new)
            }
            FileFormat::Lines => Err(SourceError::Broken(format!("{name} is read by lines"))),
        }
    }
}

/// Runs what may wait for a disk on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let broken = |_| SourceError::Broken("the file could not be read because of a fault here".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}
