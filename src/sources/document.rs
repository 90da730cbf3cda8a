use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{QueryError, SourceError};
use crate::domain::{BoundQuery, Holder, Reading, Timestamp};

/// A request whose one answer, a [`SourceDocument`], serves every query that picks from it. Equal ones of a source have the same answer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DocumentRequest(String);

impl DocumentRequest {
    /// The request by what is asked for: a URL.
    pub fn new(asked: impl Into<String>) -> Self {
        Self(asked.into())
    }

    /// What is asked for. It may hold a key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DocumentRequest {
    /// Not what is asked for, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentRequest")
    }
}

/// A source's answer to a request, from which each query picks its reading.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceDocument(Arc<[u8]>);

impl SourceDocument {
    /// The document of that text.
    pub fn new(text: impl Into<Arc<[u8]>>) -> Self {
        Self(text.into())
    }

    /// Its text, in UTF-8.
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SourceDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceDocument({} bytes)", self.0.len())
    }
}

/// A source whose queries pick from documents, so that those of one document need one request.
#[async_trait]
pub trait DocumentSource: Send + Sync {
    /// The request for the document that a query picks from.
    ///
    /// # Errors
    /// Which of the query's values cannot be part of a request.
    fn request(&self, query: &BoundQuery) -> Result<DocumentRequest, QueryError>;

    /// Sends the request once, with the source's own timeout.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn fetch(&self, request: &DocumentRequest) -> Result<SourceDocument, SourceError>;

    /// Picks a query's reading from its document, for `holder`, under whom the work is counted.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError>;

    /// Reads what a query picks, for the program itself.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn read(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let document = self.fetch(&self.request(query)?).await?;
        self.pick(query, &document, &Holder::Program).await
    }

    /// The moment before which the source has asked not to be asked again, while that is to come.
    fn not_before(&self) -> Option<Timestamp> {
        None
    }
}
