//! The bodies of pushes: JSON, CSV or Influx's line protocol, by their content type.

use serde::de::IgnoredAny;

use super::line_protocol;
use super::push_error::{PushError, check_size};
use crate::domain::Timestamp;
use crate::sources::SourceDocument;
use crate::sources::format::DocumentFormat;

/// The content types of line protocol: what Telegraf and Influx's own clients send.
const LINE_PROTOCOL_TYPES: [&str; 3] =
    ["text/plain", "application/vnd.influx.line-protocol", "application/x-influxdb-line-protocol"];

/// The content type of CSV.
const CSV_TYPE: &str = "text/csv";

/// The document in a push of at most `max_bytes` that came at `now`. What is not said to be another is JSON: `curl --data` calls it
/// a form.
///
/// # Errors
/// [`PushError`]: why there is none, in words that repeat nothing of it.
pub(super) fn parse(
    content_type: Option<&str>,
    body: &[u8],
    now: Timestamp,
    max_bytes: usize,
) -> Result<SourceDocument, PushError> {
    let text = std::str::from_utf8(body).map_err(|_| PushError::BadBody("what was pushed is not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let essence = content_type.and_then(|header| header.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    if LINE_PROTOCOL_TYPES.contains(&essence.as_str()) {
        return line_protocol::to_json(text, now, max_bytes).map(SourceDocument::new);
    }
    if essence == CSV_TYPE {
        let document = DocumentFormat::Csv.document(body.to_vec(), "what was pushed");
        let document = document.map_err(|error| PushError::BadBody(error.to_string()))?;
        return check_size(document.text(), max_bytes).map(|()| document);
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        PushError::BadBody(match error.classify() {
            _ if text.trim().is_empty() => "nothing was pushed: the body is empty".to_owned(),
            serde_json::error::Category::Eof => format!("what was pushed is JSON without its end ({place})"),
            _ => format!("what was pushed is no JSON ({place})"),
        })
    })?;
    Ok(SourceDocument::new(text.as_bytes()))
}
