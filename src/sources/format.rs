mod xml;

use std::borrow::Cow;
use std::collections::HashSet;

use self::xml::xml_to_json;
use super::json_rows::{JsonRows, max_json_bytes};
use super::{SourceDocument, SourceError};
use crate::config::{Setting, word};

/// The format of the documents that a source reads, of which each becomes JSON for the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentFormat {
    /// JSON, as it is.
    Json,
    /// Rows under a header (RFC 4180), separated by commas, semicolons or tabs: an array of objects, whose keys are the header's.
    /// A cell that is written as a JSON number is one, an empty one is `null`, any other is text.
    Csv,
    /// XML, as an object of its elements.
    Xml,
    /// Plain text: one string, without the line break at its end.
    Text,
}

/// The words for the formats, the default first.
static FORMATS: [(&str, DocumentFormat); 4] = [
    ("json", DocumentFormat::Json),
    ("csv", DocumentFormat::Csv),
    ("xml", DocumentFormat::Xml),
    ("text", DocumentFormat::Text),
];

/// The separators of rows that are known. The one of the header line decides.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The most columns: more are no table that anybody reads.
const MAX_COLUMNS: usize = 1_000;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl DocumentFormat {
    /// The key `format`.
    pub(super) fn setting() -> Setting<Self> {
        word(&FORMATS)
    }

    /// The value of `Accept` with which a server is asked for it. Some serve CSV as whatever they like.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv, */*;q=0.1",
            Self::Text => "text/plain, */*;q=0.1",
            Self::Xml => "application/xml, text/xml, */*;q=0.1",
        }
    }

    /// Makes a document of a source's bytes, which come from `origin`, as error messages name it.
    ///
    /// # Errors
    /// [`SourceError::BadAnswer`] with the line that cannot be read, and nothing of its text. That JSON is none is told when a
    /// filter reads it.
    pub(super) fn document(self, bytes: Vec<u8>, origin: &str) -> Result<SourceDocument, SourceError> {
        match self {
            Self::Json => Ok(SourceDocument::new(bytes)),
            Self::Csv => csv_to_json(&bytes, origin).map(SourceDocument::new),
            Self::Xml => xml_to_json(&lossy(without_mark(&bytes)), origin).map(SourceDocument::new),
            Self::Text => {
                let text = String::from_utf8_lossy(without_mark(&bytes));
                let text = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
                to_json(text).map(SourceDocument::new)
            }
        }
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn csv_to_json(bytes: &[u8], origin: &str) -> Result<Vec<u8>, SourceError> {
    let bytes = without_mark(bytes);
    let unreadable =
        |error: &csv::Error| SourceError::BadAnswer(format!("the CSV of {origin} cannot be read: {}", reason(error)));
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| unreadable(&error))?.clone();
    if header.len() > MAX_COLUMNS {
        return Err(SourceError::TooLarge(format!("the CSV of {origin} has more than {MAX_COLUMNS} columns")));
    }
    let keys: Vec<Vec<u8>> = header.iter().map(|name| to_json(&lossy(name))).collect::<Result<_, _>>()?;
    let mut names = HashSet::new();
    if let Some(twice) = keys.iter().position(|key| !names.insert(key)) {
        let message = format!("the CSV of {origin} has two columns of one name, the second in place {}", twice + 1);
        return Err(SourceError::BadAnswer(message));
    }
    let (mut rows, origin) = (JsonRows::new(max_json_bytes(bytes.len())), format!("the CSV of {origin}"));
    for record in reader.byte_records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let cells: Vec<Vec<u8>> = record.iter().map(|cell| cell_to_json(&lossy(cell))).collect::<Result<_, _>>()?;
        rows.push(keys.iter().zip(cells), &origin)?;
    }
    Ok(rows.into_json())
}

/// The separator that occurs most in the first line.
fn separator(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |separator: &u8| header.split(|byte| byte == separator).count();
    // Of several that occur as often, the first.
    SEPARATORS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

fn cell_to_json(cell: &str) -> Result<Vec<u8>, SourceError> {
    let trimmed = cell.trim();
    if trimmed.is_empty() {
        Ok(b"null".to_vec())
    } else if is_json_number(trimmed) {
        // As it is written: with all its digits.
        Ok(trimmed.as_bytes().to_vec())
    } else {
        to_json(cell)
    }
}

/// Whether a text is a number in JSON's grammar (RFC 8259, section 6): `007` and `1,5` are none.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn to_json(text: &str) -> Result<Vec<u8>, SourceError> {
    serde_json::to_vec(text).map_err(|error| SourceError::Broken(format!("a text cannot be written as JSON: {error}")))
}

/// What is wrong and where, without anything of the text.
fn reason(error: &csv::Error) -> String {
    let line = error.position().map_or_else(String::new, |position| format!("line {}: ", position.line()));
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{line}it has {len} cells, and the header has {expected_len}")
        }
        _ => format!("{line}it is no CSV"),
    }
}

#[cfg(test)]
mod tests;
