use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};
use super::document::Document;
use crate::domain::Fingerprint;

/// An untyped value and its location. It may be a secret, so it does not print itself.
pub(crate) struct ConfigNode {
    pub(crate) location: SourceLocation,
    pub(crate) value: ConfigValue,
}

/// An untyped value, as TOML or an environment variable has it.
pub(crate) enum ConfigValue {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<ConfigNode>),
    Table(Vec<ConfigEntry>),
    /// The text of an environment variable: it has no type until somebody asks for one.
    EnvVar(String),
    /// Something no key takes, in words: a date, a number beyond 64 bits.
    Unsupported(&'static str),
}

/// A key and its value.
pub(crate) struct ConfigEntry {
    pub(crate) key: String,
    pub(crate) key_location: SourceLocation,
    pub(crate) node: ConfigNode,
}

impl ConfigValue {
    /// The name of its type in error messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) | Self::EnvVar(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a point",
            Self::Boolean(_) => "`true` or `false`",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Unsupported(what) => what,
        }
    }
}

impl ConfigNode {
    /// A fingerprint of the value, wherever and in whichever order it is written. It follows from secrets, too.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.as_json())
    }

    fn as_json(&self) -> Value {
        match &self.value {
            ConfigValue::String(text) | ConfigValue::EnvVar(text) => text.as_str().into(),
            // As in an environment variable, where everything is text.
            ConfigValue::Integer(number) => number.to_string().into(),
            ConfigValue::Float(number) => number.to_string().into(),
            ConfigValue::Boolean(boolean) => boolean.to_string().into(),
            ConfigValue::Array(items) => items.iter().map(Self::as_json).collect(),
            ConfigValue::Table(entries) => {
                let sorted: BTreeMap<_, _> = entries.iter().map(|entry| (entry.key.clone(), entry.node.as_json())).collect();
                Value::Object(sorted.into_iter().collect())
            }
            ConfigValue::Unsupported(what) => (*what).into(),
        }
    }

    /// The entry of `key`, when this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&ConfigEntry> {
        match &self.value {
            ConfigValue::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }
}

/// Parses a TOML document: everything in it that can be read, and every syntax error.
pub(crate) fn parse_document(document: &Arc<Document>) -> (Vec<ConfigEntry>, Diagnostics) {
    let (table, errors) = DeTable::parse_recoverable(document.text());
    let location = |span: Range<usize>| SourceLocation::in_document(document, span);
    let diagnostics: Diagnostics = errors.iter().map(|error| syntax_diagnostic(error, document.text(), &location)).collect();
    (entries(table.get_ref(), &location), diagnostics.in_order())
}

/// Parses a single TOML value, as an environment variable holds a list or a table. Everything in it is at `location`.
///
/// # Errors
/// The syntax error.
pub(crate) fn parse_value(text: &str, location: &SourceLocation) -> Result<ConfigNode, String> {
    let value = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    Ok(node(&value, &|_| location.clone()))
}

fn syntax_diagnostic(error: &toml::de::Error, text: &str, location: &dyn Fn(Range<usize>) -> SourceLocation) -> Diagnostic {
    let span = error.span().unwrap_or_default();
    let message = error.message();
    let help = syntax_help(message, text, text.floor_char_boundary(span.start));
    Diagnostic::new(location(span), message, help)
}

/// How to write what a syntax error at `place` was probably meant to be.
fn syntax_help(message: &str, text: &str, place: usize) -> &'static str {
    let line = &text[text[..place].rfind('\n').map_or(0, |end| end + 1)..];
    let line = line.lines().next().unwrap_or_default().trim();
    let word = text[place..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if message.contains("duplicate key") {
        return "each key stands once in its table: keep one of them";
    }
    if message.contains("escape") {
        return "between single quotes a backslash stands for itself: `'CORP\\alice'`; between double ones, write it twice";
    }
    match word.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => return "write `true`, in small letters and without quotes",
        "no" | "off" | "false" => return "write `false`, in small letters and without quotes",
        "null" | "none" | "nil" => return "take the key out: what is not set is not there",
        _ => {}
    }
    if line.starts_with("//") || line.starts_with(';') {
        "a comment begins with `#`"
    } else if text[place..].starts_with(':') {
        "write `=` between a key and its value"
    } else if message.contains("must be quoted") || message.contains("invalid basic string") {
        "put text between quotes, both in the same line: `key = \"text\"`"
    } else {
        "the syntax is TOML: `key = \"text\"`, `key = 5`, `key = [\"a\", \"b\"]`, `[table]`, `[[one of several]]`"
    }
}

fn entries(table: &DeTable<'_>, location: &dyn Fn(Range<usize>) -> SourceLocation) -> Vec<ConfigEntry> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| ConfigEntry {
            key: key.get_ref().to_string(),
            key_location: location(key.span()),
            node: node(value, location),
        })
        .collect()
}

fn node(value: &Spanned<DeValue<'_>>, location: &dyn Fn(Range<usize>) -> SourceLocation) -> ConfigNode {
    let read = match value.get_ref() {
        DeValue::String(text) => ConfigValue::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(ConfigValue::Unsupported("a number beyond 64 bits"), ConfigValue::Integer),
        DeValue::Float(number) => number.as_str().parse().map_or(ConfigValue::Unsupported("not a number"), ConfigValue::Float),
        DeValue::Boolean(boolean) => ConfigValue::Boolean(*boolean),
        DeValue::Datetime(_) => ConfigValue::Unsupported("a date or time"),
        DeValue::Array(items) => ConfigValue::Array(items.iter().map(|item| node(item, location)).collect()),
        DeValue::Table(table) => ConfigValue::Table(entries(table, location)),
    };
    ConfigNode { location: location(value.span()), value: read }
}
