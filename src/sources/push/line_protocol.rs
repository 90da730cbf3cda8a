//! Influx's line protocol as JSON: `cpu,host=a usage=3.5 1795309126976000000` is
//! `{"measurement": "cpu", "tags": {"host": "a"}, "fields": {"usage": 3.5}, "time": 1795309126976}`.

use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
use serde_json::{Map, Value, json};

use super::push_error::{PushError, check_size};
use crate::domain::Timestamp;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The lines of a body of at most `max_bytes` as a JSON array, in the order written. A line without a time is of `now`.
///
/// # Errors
/// [`PushError`]: which line cannot be read, or that they become too much JSON.
pub(super) fn to_json(text: &str, now: Timestamp, max_bytes: usize) -> Result<Vec<u8>, PushError> {
    let mut json = vec![b'['];
    for (at, line) in parse_lines(text).enumerate() {
        // The error repeats the line.
        let line = line.map_err(|_| PushError::BadBody(format!("line {} of those with data is no line protocol", at + 1)))?;
        if at > 0 {
            json.push(b',');
        }
        // Line by line: as a tree, all of them would be some hundred times their size.
        serde_json::to_writer(&mut json, &to_value(&line, now)).map_err(|error| PushError::BadBody(error.to_string()))?;
        check_size(&json, max_bytes)?;
    }
    if json.len() == 1 {
        return Err(PushError::BadBody("nothing was pushed: there is no line with data".to_owned()));
    }
    json.push(b']');
    Ok(json)
}

fn to_value(line: &ParsedLine<'_>, now: Timestamp) -> Value {
    let tags = line.series.tag_set.iter().flatten();
    let tags: Map<_, _> = tags.map(|(key, value)| (key.as_str().to_owned(), Value::from(value.as_str()))).collect();
    let fields: Map<_, _> = line.field_set.iter().map(|(key, value)| (key.as_str().to_owned(), field_value(value))).collect();
    let time = line.timestamp.map_or(now.as_millis(), |nanos| nanos.div_euclid(NANOS_PER_MILLI));
    json!({ "measurement": line.series.measurement.as_str(), "tags": tags, "fields": fields, "time": time })
}

fn field_value(value: &FieldValue<'_>) -> Value {
    match value {
        FieldValue::I64(number) => json!(number),
        FieldValue::U64(number) => json!(number),
        FieldValue::F64(number) => json!(number),
        FieldValue::String(text) => Value::from(text.as_str()),
        FieldValue::Boolean(value) => json!(value),
    }
}
