use indexmap::IndexMap;
use serde::Serialize;

use super::AuditRecord;
use crate::domain::Timestamp;

/// The names of the CSV columns, in their order.
const COLUMNS: [&str; 19] = [
    "id",
    "at",
    "event",
    "result",
    "who",
    "person",
    "address",
    "session",
    "token",
    "page",
    "reason",
    "directory_code",
    "factor",
    "user_agent",
    "detail",
    "count",
    "last_at",
    "realm",
    "account",
];

/// An event could not be exported.
#[derive(Debug, thiserror::Error)]
#[error("an event cannot be written out: {0}")]
pub struct ExportError(String);

/// A file format for exporting the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// CSV (RFC 4180), for a spreadsheet.
    Csv,
    /// JSON Lines: one JSON object a line, for a program.
    JsonLines,
}

impl ExportFormat {
    /// The file name's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// The bytes before the first event.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn header(self) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv => csv_rows([COLUMNS.map(str::to_owned)]),
            Self::JsonLines => Ok(Vec::new()),
        }
    }

    /// Encodes events as bytes of the file.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn encode(self, records: &[AuditRecord]) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv => csv_rows(records.iter().map(csv_row)),
            Self::JsonLines => json_lines(records),
        }
    }
}

/// Encodes CSV rows, each ended by CR LF.
fn csv_rows(rows: impl IntoIterator<Item = [String; COLUMNS.len()]>) -> Result<Vec<u8>, ExportError> {
    let failed = |error: &dyn std::fmt::Display| ExportError(error.to_string());
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

fn csv_row(record: &AuditRecord) -> [String; COLUMNS.len()] {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.as_deref().map(escape_formula).unwrap_or_default();
    [
        record.id.to_string(),
        rfc3339(record.at),
        escape_formula(&record.event),
        escape_formula(&record.result),
        text(&record.who),
        text(&record.person),
        text(&record.address),
        text(&record.session),
        number(record.token),
        text(&record.page),
        text(&record.reason),
        text(&record.directory_code),
        text(&record.factor),
        text(&record.user_agent),
        text(&record.detail),
        record.count.to_string(),
        rfc3339(record.last_at()),
        text(&record.realm),
        text(&record.account),
    ]
}

/// Escapes a text that a spreadsheet would take for a formula: it is given an apostrophe, which shows that it is a text
/// (OWASP, CSV injection). The full-width signs count where East Asian input is understood.
fn escape_formula(text: &str) -> String {
    const BEGINS_A_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(BEGINS_A_FORMULA) { format!("'{text}") } else { text.to_owned() }
}

/// Encodes one JSON object a line. Absent fields are left out, as in the log.
fn json_lines(records: &[AuditRecord]) -> Result<Vec<u8>, ExportError> {
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, &JsonRecord::new(record)).map_err(|error| ExportError(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

#[derive(Serialize)]
struct JsonRecord<'a> {
    id: i64,
    at: String,
    event: &'a str,
    result: &'a str,
    #[serde(flatten)]
    texts: IndexMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<i64>,
    count: i64,
    last_at: String,
}

impl<'a> JsonRecord<'a> {
    fn new(record: &'a AuditRecord) -> Self {
        let texts = [
            ("who", &record.who),
            ("realm", &record.realm),
            ("account", &record.account),
            ("person", &record.person),
            ("address", &record.address),
            ("session", &record.session),
            ("page", &record.page),
            ("reason", &record.reason),
            ("directory_code", &record.directory_code),
            ("factor", &record.factor),
            ("user_agent", &record.user_agent),
            ("detail", &record.detail),
        ];
        Self {
            id: record.id,
            at: rfc3339(record.at),
            event: &record.event,
            result: &record.result,
            texts: texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect(),
            token: record.token,
            count: record.count,
            last_at: rfc3339(record.last_at()),
        }
    }
}

/// Formats a time in UTC (RFC 3339). One beyond the calendar, which no clock of ours shows, is its milliseconds.
pub(super) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(|_| at.as_millis().to_string(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests;
