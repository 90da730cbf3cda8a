use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Diagnostics, Document, SourceLocation};

/// A value as written, and where. It may be a secret, so it does not print itself.
pub(super) struct Node {
    pub(super) place: SourceLocation,
    pub(super) value: Value,
}

/// What is written.
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Real(f64),
    Truth(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// The text of an environment variable: it has no type until somebody asks for one.
    Variable(String),
    /// Something no key takes, in words: a date, a number beyond 64 bits.
    Other(&'static str),
}

/// A key and its value.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: SourceLocation,
    pub(super) node: Node,
}

impl Value {
    /// What it is, in the words of error messages.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Variable(_) => "text",
            Self::Whole(_) => "a whole number",
            Self::Real(_) => "a number with a point",
            Self::Truth(_) => "`true` or `false`",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
        }
    }
}

impl Node {
    /// The node under `key`, when this is a table that has it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }
}

/// Reads a TOML document: everything in it that can be read, and every fault of its syntax. `document` is what people
/// are shown of `text`: the same, or the same with its secrets covered.
pub(super) fn read_document(text: &str, document: &Arc<Document>) -> (Vec<Entry>, Diagnostics) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let place = |span: Range<usize>| SourceLocation::in_document(document, span);
    let faults: Diagnostics = errors.iter().map(|error| syntax_fault(error, &place)).collect();
    (entries(table.get_ref(), &place), faults.in_order())
}

/// Reads a single TOML value, as an environment variable holds a list or a table. Everything in it is at `place`.
///
/// # Errors
/// What is wrong with its syntax.
pub(super) fn read_value(text: &str, place: &SourceLocation) -> Result<Node, String> {
    let value = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    Ok(node(&value, &|_| place.clone()))
}

fn syntax_fault(error: &toml::de::Error, place: &dyn Fn(Range<usize>) -> SourceLocation) -> Diagnostic {
    let message = error.message();
    let help = if message.contains("duplicate key") {
        "each key stands once in its table: keep one of them"
    } else if message.contains("must be quoted") || message.contains("invalid basic string") {
        "put text between quotes, both in the same line: `key = \"text\"`"
    } else {
        "the syntax is TOML: `key = \"text\"`, `key = 5`, `key = [\"a\", \"b\"]`, `[table]`, `[[one of several]]`"
    };
    Diagnostic::new(place(error.span().unwrap_or_default()), message, help)
}

fn entries(table: &DeTable<'_>, place: &dyn Fn(Range<usize>) -> SourceLocation) -> Vec<Entry> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_place: place(key.span()),
            node: node(value, place),
        })
        .collect()
}

fn node(value: &Spanned<DeValue<'_>>, place: &dyn Fn(Range<usize>) -> SourceLocation) -> Node {
    let read = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Whole),
        DeValue::Float(number) => number.as_str().parse().map_or(Value::Other("not a number"), Value::Real),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, place)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, place)),
    };
    Node { place: place(value.span()), value: read }
}
