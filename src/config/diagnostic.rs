use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

/// Nobody reads more than this in one go, and each costs a look through its text.
const MOST_FAULTS: usize = 100;

/// A text somebody wrote, with the file it came from, for showing the line a fault is in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// The file, as shown to people.
    pub(super) file: PathBuf,
    /// Its text. Secrets in it are already covered with `*`.
    pub(super) text: String,
}

/// Where a fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation(Spot);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// In a text, by bytes. The span lies within the text and on its characters' borders.
    Text(Arc<Document>, Range<usize>),
    /// A file as a whole: it cannot be read, or its name is wrong.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A value that the program itself put into the settings, by its key's path (`directory.url`).
    Key(String),
}

impl SourceLocation {
    /// A file as a whole.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self(Spot::File(file.into()))
    }

    /// An environment variable.
    pub fn variable(name: impl Into<String>) -> Self {
        Self(Spot::Variable(name.into()))
    }

    /// Bytes `span` of `text`, which stands in `file`. A span that does not fit the text is moved to where it does.
    pub fn text(file: impl Into<PathBuf>, text: impl Into<String>, span: Range<usize>) -> Self {
        Self::in_document(&Arc::new(Document { file: file.into(), text: text.into() }), span)
    }

    pub(super) fn in_document(document: &Arc<Document>, span: Range<usize>) -> Self {
        let text = &document.text;
        let start = text.floor_char_boundary(span.start);
        let end = text.ceil_char_boundary(span.end).max(start);
        Self(Spot::Text(Arc::clone(document), start..end))
    }

    /// A setting by its key's path (`admins.groups`), for what shows only later, when settings meet the world.
    pub fn key(path: impl Into<String>) -> Self {
        Self(Spot::Key(path.into()))
    }

    pub(super) fn spot(&self) -> &Spot {
        &self.0
    }

    /// The bytes in the text, when it is in a text.
    pub(super) fn span(&self) -> Option<Range<usize>> {
        match &self.0 {
            Spot::Text(_, span) => Some(span.clone()),
            _ => None,
        }
    }

    /// The first occurrence of `part` within this place, when it is in a text.
    pub(super) fn find(&self, part: &str) -> Option<Self> {
        let Spot::Text(document, span) = &self.0 else { return None };
        let start = span.start + document.text[span.clone()].find(part)?;
        Some(Self(Spot::Text(Arc::clone(document), start..start + part.len())))
    }

    /// Line and column, both from 1, the column in characters.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        match &self.0 {
            Spot::Text(document, span) => {
                let before = &document.text[..span.start];
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
            (Spot::Text(document, _), Some((line, column))) => {
                write!(f, "{}:{line}:{column}", document.file.display())
            }
            (Spot::Text(document, _), None) => write!(f, "{}", document.file.display()),
            (Spot::File(file), _) => write!(f, "{}", file.display()),
            (Spot::Variable(name), _) => write!(f, "environment variable {name}"),
            (Spot::Key(path), _) => write!(f, "setting {path}"),
        }
    }
}

/// Something wrong in what somebody wrote: where, what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub location: SourceLocation,
    /// What is wrong, in a sentence without a full stop. Never a secret.
    pub message: String,
    /// What would be right, in a sentence without a full stop.
    pub help: String,
}

impl Diagnostic {
    /// A fault at `place`.
    pub fn new(location: SourceLocation, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { location, message: message.into(), help: help.into() }
    }

    /// A fault in a page's text that shows only later, when the page meets its sources: `span` is
    /// [`super::PanelSource::query_span`] or [`super::PanelSource::source_span`].
    pub fn in_page(
        page: &super::PageFile,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::new(SourceLocation::text(&page.file, page.text.clone(), span), message, help)
    }

    /// The fault in parts, for a page or an API to show.
    pub fn to_report(&self) -> DiagnosticReport {
        let (line, column) = self.location.line_and_column().unzip();
        let (file, text, variable) = match self.location.spot() {
            Spot::Text(document, span) => {
                (Some(document.file.as_path()), Some(line_around(&document.text, span.start)), None)
            }
            Spot::File(file) => (Some(file.as_path()), None, None),
            Spot::Variable(name) => (None, None, Some(name.clone())),
            Spot::Key(_) => (None, None, None),
        };
        DiagnosticReport {
            location: self.location.to_string(),
            file: file.map(Path::to_path_buf),
            variable,
            line,
            column,
            text: text.map(str::to_owned),
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

/// A fault in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosticReport {
    /// All of the place in one: `pages/operations.toml:3:10`.
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
    /// The whole line, secrets covered.
    pub text: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// Every fault found in one go. As an error it has at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one more.
    pub fn push(&mut self, fault: Diagnostic) {
        self.0.push(fault);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them, by place.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Each of them in parts.
    pub fn to_reports(&self) -> Vec<DiagnosticReport> {
        self.0.iter().map(Diagnostic::to_report).collect()
    }

    /// In the order a reader meets them: by file, then from top to bottom; what is not in a text comes first. Of very many
    /// only the first are kept, and a last one says how many more there were.
    pub(super) fn in_order(mut self) -> Self {
        self.0.sort_by_cached_key(|fault| match fault.location.spot() {
            Spot::Text(document, span) => (document.file.clone(), span.start),
            _ => (PathBuf::new(), 0),
        });
        if self.0.len() > MOST_FAULTS {
            let more = self.0.split_off(MOST_FAULTS);
            let place = more[0].location.clone();
            self.push(Diagnostic::new(
                place,
                format!("here and behind are {} more faults", more.len()),
                "mend the first ones first",
            ));
        }
        self
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(fault: Diagnostic) -> Self {
        Self(vec![fault])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, faults: I) {
        self.0.extend(faults);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
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
    /// The plain form of [`Faults::render`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
