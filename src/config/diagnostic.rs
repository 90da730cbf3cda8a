use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::document::Document;

/// The most diagnostics kept: nobody reads more in one go, and each costs a look through its text.
const MAX_DIAGNOSTICS: usize = 100;

/// The location of a diagnostic or a value: in a text, a file, an environment variable or a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation(LocationKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LocationKind {
    /// Bytes of a text. The span lies within the text and on its characters' borders.
    Text(Arc<Document>, Range<usize>),
    /// A whole file: it cannot be read, or its name is wrong.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A value that the program itself put into the settings, by its key's path (`directory.url`).
    Key(String),
}

impl SourceLocation {
    /// A whole file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self(LocationKind::File(file.into()))
    }

    /// An environment variable.
    pub fn variable(name: impl Into<String>) -> Self {
        Self(LocationKind::Variable(name.into()))
    }

    /// Bytes `span` of `text`, which stands in `file`. A span that does not fit the text is moved to where it does.
    pub fn text(file: impl Into<PathBuf>, text: impl Into<String>, span: Range<usize>) -> Self {
        Self::in_document(&Arc::new(Document::new(file.into(), text.into())), span)
    }

    pub(crate) fn in_document(document: &Arc<Document>, span: Range<usize>) -> Self {
        let text = document.text();
        let start = text.floor_char_boundary(span.start);
        let end = text.ceil_char_boundary(span.end).max(start);
        Self(LocationKind::Text(Arc::clone(document), start..end))
    }

    /// A setting by its key's path (`admins.groups`), for what is found only after the settings are read.
    pub fn key(path: impl Into<String>) -> Self {
        Self(LocationKind::Key(path.into()))
    }

    pub(crate) fn kind(&self) -> &LocationKind {
        &self.0
    }

    /// The bytes in the text, when it is in a text.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        match &self.0 {
            LocationKind::Text(_, span) => Some(span.clone()),
            _ => None,
        }
    }

    /// Lets diagnostics show what is written here: it was read as something else than a secret.
    pub(crate) fn reveal(&self) {
        if let LocationKind::Text(document, span) = &self.0 {
            document.reveal(span);
        }
    }

    /// The first occurrence of `part` within this location, when it is in a text.
    pub(crate) fn find(&self, part: &str) -> Option<Self> {
        let LocationKind::Text(document, span) = &self.0 else { return None };
        let start = span.start + document.text()[span.clone()].find(part)?;
        Some(Self(LocationKind::Text(Arc::clone(document), start..start + part.len())))
    }

    /// Line and column, both from 1, the column in characters.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        match &self.0 {
            LocationKind::Text(document, span) => {
                let before = &document.text()[..span.start];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                Some((line, column))
            }
            _ => None,
        }
    }
}

impl fmt::Display for SourceLocation {
    /// `pages/operations.toml:3:10`, a file, `BELVEDERE_DIRECTORY__URL`, or a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.line_and_column()) {
            (LocationKind::Text(document, _), Some((line, column))) => {
                write!(f, "{}:{line}:{column}", document.file.display())
            }
            (LocationKind::Text(document, _), None) => write!(f, "{}", document.file.display()),
            (LocationKind::File(file), _) => write!(f, "{}", file.display()),
            (LocationKind::Variable(name), _) => write!(f, "environment variable {name}"),
            (LocationKind::Key(path), _) => write!(f, "setting {path}"),
        }
    }
}

/// An error in a settings or page file: where, what, and how to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub location: SourceLocation,
    /// The error, in a sentence without a full stop. Never a secret.
    pub message: String,
    /// The correction, in a sentence without a full stop.
    pub help: String,
}

impl Diagnostic {
    /// A diagnostic at `location`.
    pub fn new(location: SourceLocation, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { location, message: message.into(), help: help.into() }
    }

    /// The diagnostic in parts, for a page or an API to show.
    pub fn to_report(&self) -> DiagnosticReport {
        let (line, column) = self.location.line_and_column().unzip();
        let (file, text, variable) = match self.location.kind() {
            LocationKind::Text(document, span) => {
                (Some(document.file.as_path()), Some(line_around(&document.shown(), span.start).to_owned()), None)
            }
            LocationKind::File(file) => (Some(file.as_path()), None, None),
            LocationKind::Variable(name) => (None, None, Some(name.clone())),
            LocationKind::Key(_) => (None, None, None),
        };
        DiagnosticReport {
            location: self.location.to_string(),
            file: file.map(Path::to_path_buf),
            variable,
            line,
            column,
            text,
            message: self.message.clone(),
            help: self.help.clone(),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// One line, for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.location, self.message, self.help)
    }
}

fn line_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    text[start..end].trim_end_matches('\r')
}

/// A diagnostic in parts, as it is serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosticReport {
    /// The whole location as text: `pages/operations.toml:3:10`.
    #[serde(rename = "place")]
    pub location: String,
    /// The file, unless it is in the environment.
    pub file: Option<PathBuf>,
    /// The environment variable, if it is in one.
    pub variable: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The whole line, with secrets hidden.
    pub text: Option<String>,
    /// The error.
    pub message: String,
    /// The correction.
    pub help: String,
}

/// All diagnostics of one pass. As an error it has at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one more.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them, by location.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Each of them in parts.
    pub fn to_reports(&self) -> Vec<DiagnosticReport> {
        self.0.iter().map(Diagnostic::to_report).collect()
    }

    /// Sorts them by file, then from top to bottom; those that are not in a text come first. Of very many
    /// only the first are kept, and a last one says how many more there were.
    pub(crate) fn in_order(mut self) -> Self {
        self.0.sort_by_cached_key(|diagnostic| match diagnostic.location.kind() {
            LocationKind::Text(document, span) => (document.file.clone(), span.start),
            _ => (PathBuf::new(), 0),
        });
        if self.0.len() > MAX_DIAGNOSTICS {
            let more = self.0.split_off(MAX_DIAGNOSTICS);
            let location = more[0].location.clone();
            self.push(Diagnostic::new(
                location,
                format!("here and behind are {} more faults", more.len()),
                "mend the first ones first",
            ));
        }
        self
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        Self(diagnostics.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    /// The plain form of [`Diagnostics::render`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
