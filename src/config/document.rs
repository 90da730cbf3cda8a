use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a file that somebody wrote, for showing the line a diagnostic is about.
///
/// Of a settings file no value is shown until a reader has taken it for something else than a secret. So a secret stays
/// hidden wherever it was put by mistake: under a misspelt key, in the wrong table, behind a missing quote.
pub(crate) struct Document {
    /// The file, as shown to people.
    pub(crate) file: PathBuf,
    text: String,
    /// The bytes that are shown as `*`.
    hidden: Mutex<Vec<Range<usize>>>,
}

impl Document {
    /// A text in which nothing is secret.
    pub(crate) fn new(file: PathBuf, text: String) -> Self {
        Self { file, text, hidden: Mutex::default() }
    }

    /// The text of settings. Its values are hidden, each until it is revealed.
    pub(super) fn of_settings(file: PathBuf, text: String) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&text);
        let mut hidden = Vec::new();
        collect_values_of_table(&table.into_inner(), &mut hidden);
        if !errors.is_empty() {
            // Where the syntax is broken the tree cannot be trusted to know where a value ends.
            collect_values_of_lines(&text, &mut hidden);
        }
        Self { hidden: Mutex::new(hidden), ..Self::new(file, text) }
    }

    /// The text itself, for finding locations in it. What people see is [`Document::shown`].
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text as people may see it: what is hidden is overwritten byte for byte, so that locations stay the same.
    pub(super) fn shown(&self) -> String {
        let mut bytes = self.text.clone().into_bytes();
        for span in self.hidden.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let hidden = bytes.get_mut(span.clone()).unwrap_or_default();
            hidden.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b'*');
        }
        // Spans lie on the borders of characters; if one ever did not, this still shows nothing that is hidden.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Shows the values within `span` from now on.
    pub(super) fn reveal(&self, span: &Range<usize>) {
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.retain(|value| value.start < span.start || value.end > span.end);
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, &self.text) == (&other.file, &other.text)
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("file", &self.file).finish_non_exhaustive()
    }
}

fn collect_values_of_table(table: &DeTable<'_>, values: &mut Vec<Range<usize>>) {
    table.values().for_each(|value| collect_values(value, values));
}

fn collect_values(value: &Spanned<DeValue<'_>>, values: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => collect_values_of_table(table, values),
        DeValue::Array(items) => items.iter().for_each(|item| collect_values(item, values)),
        _ => values.push(value.span()),
    }
}

/// Collects what may be a value, line by line: all but `[headings]` and what stands before the `=` of a `key = …`.
fn collect_values_of_lines(text: &str, values: &mut Vec<Range<usize>>) {
    let is_bare = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-. \t".contains(c));
    // A key of two words is none: the second may be a value that lacks its `=`.
    let is_key = |text: &str| is_bare(text) && !text.trim().contains([' ', '\t']);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_heading = line.trim().strip_prefix('[').is_some_and(|rest| is_bare(rest.trim_matches(['[', ']'])));
        let value = match line.split_once('=') {
            // Base64, the usual form of a secret, may end in `=` and stand alone in the line of a longer text.
            Some((key, value)) if is_key(key) && !value.trim_matches(['=', '"', '\'']).trim().is_empty() => key.len() + 1,
            _ => 0,
        };
        if !is_heading {
            values.push(start + value..start + line.len());
        }
        start += line.len();
    }
}
