//! The source kind `file`: a file of rows, or a log, and a jq filter that picks from it what a panel shows.
//!
//! A [`WholeFile`](whole_file::WholeFile) is read again when it has changed, and only once its writer is done; of a log, a
//! [`LogTail`](log_tail::LogTail) follows the last lines. The path is the admin's: no value of a visitor is a part of it, and a filter
//! sees the rows alone. Files are never written.

mod file_version;
mod log_tail;
mod settings;
mod spreadsheet;
mod whole_file;
mod workbook_limits;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use self::log_tail::LogTail;
use self::settings::{FileFormat, FileSettings};
use self::whole_file::WholeFile;
use super::filter_workers::FilterWorkers;
use super::jq::JqFilters;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{DocumentRequest, DocumentSource, QueryError, Source, SourceDocument, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading};

/// The kind `file`.
pub(super) const KIND: SourceKind = SourceKind::Named {
    word: "file",
    sample: "inventory",
    about: "a file with CSV, JSON, an Excel sheet or text, or a log",
    read,
    rows: FileSettings::rows,
};

/// How long a file may take to be read: one on another machine may never answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A source of kind `file`.
struct File {
    content: FileContent,
    filters: JqFilters,
    name: String,
}

/// How the file is read.
enum FileContent {
    Whole(WholeFile),
    Tail(Arc<LogTail>),
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let settings = FileSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(settings?))
}

impl SourceSettings for FileSettings {
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        let content = match &self.format {
            FileFormat::Lines => FileContent::Tail(Arc::new(LogTail::new(&self.path, self.lines, self.max_bytes))),
            format => FileContent::Whole(WholeFile::new(&self.path, *format, self.sheet.clone(), self.max_bytes)),
        };
        let name = self.path.display().to_string();
        let filters = JqFilters::new(name.clone(), self.max_bytes, clock, filters);
        Ok(Box::new(File { content, filters, name }))
    }
}

#[async_trait]
impl Source for File {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        self.filters.placeholders(query)
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.read(query).await
    }

    fn documents(&self) -> Option<&dyn DocumentSource> {
        Some(self)
    }
}

#[async_trait]
impl DocumentSource for File {
    fn request(&self, _query: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        Ok(DocumentRequest::new(self.name.clone()))
    }

    async fn fetch(&self, _request: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let reading = async {
            match &self.content {
                FileContent::Whole(file) => file.read().await,
                FileContent::Tail(tail) => LogTail::read(tail).await,
            }
        };
        let late = |_| SourceError::TimedOut(format!("{} could not be read within {} s", self.name, TIMEOUT.as_secs()));
        timeout(TIMEOUT, reading).await.map_err(late)?
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        self.filters.pick(query, document, holder).await
    }
}

#[cfg(test)]
mod tests;
