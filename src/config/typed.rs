use std::ops::RangeInclusive;
use std::time::Duration;

use super::hints::{may_have_password, quote};
use super::quantity::{format_duration, parse_duration};
use super::reader::{DiagnosticSink, Fields, Located};
use super::tree::{ConfigNode, ConfigValue, parse_value};
use super::value_name::ValueName;

/// Conversions of an untyped value. Each reports what is wrong and where.
impl ConfigNode {
    /// Lets diagnostics show a value that is read as something else than a secret, unless a password may be in it.
    pub(super) fn reveal(&self) {
        match &self.value {
            ConfigValue::Array(_) | ConfigValue::Table(_) => {}
            ConfigValue::String(text) if may_have_password(text) => {}
            _ => self.location.reveal(),
        }
    }

    /// A string that is not blank.
    pub(crate) fn into_string<'k>(self, name: impl Into<ValueName<'k>>, sink: &DiagnosticSink) -> Option<Located<String>> {
        self.reveal();
        self.into_text(name, sink)
    }

    /// A string, which may be blank.
    pub(crate) fn into_any_string<'k>(self, name: impl Into<ValueName<'k>>, sink: &DiagnosticSink) -> Option<Located<String>> {
        match &self.value {
            ConfigValue::String(text) if text.trim().is_empty() => {
                self.reveal();
                Some(Located { value: text.clone(), location: self.location })
            }
            _ => self.into_string(name, sink),
        }
    }

    /// A string that is not blank, and may be a secret.
    pub(super) fn into_text<'k>(self, name: impl Into<ValueName<'k>>, sink: &DiagnosticSink) -> Option<Located<String>> {
        let Self { location, value } = self;
        let name = name.into();
        match value {
            ConfigValue::String(text) | ConfigValue::EnvVar(text) if !text.trim().is_empty() => {
                return Some(Located { value: text, location });
            }
            ConfigValue::String(_) | ConfigValue::EnvVar(_) => {
                sink.report(&location, format!("{name} is empty"), "write something between the quotes, or leave it out");
            }
            other => sink.report(
                &location,
                format!("{name} must be text, not {}", other.type_name()),
                format!("write it in quotes: {}", name.written_as("\"…\"")),
            ),
        }
        None
    }

    pub(crate) fn into_duration(
        self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        sink: &DiagnosticSink,
    ) -> Option<Located<Duration>> {
        if let ConfigValue::Integer(number) = self.value {
            self.reveal();
            let message = format!("`{key}` must be text with a unit, not a whole number");
            sink.report(&self.location, message, format!("say of what: `{key} = \"{number}s\"` is in seconds"));
            return None;
        }
        let text = self.into_string(key, sink)?;
        let Some(value) = parse_duration(&text.value) else {
            let message = format!("`{key}` is {}, which is not a duration", quote(&text.value));
            let help = "write a whole number and one of the units ms, s, m, h, d: `\"250ms\"`, `\"5s\"`, `\"15m\"`";
            sink.report(&text.location, message, help);
            return None;
        };
        sink.check_range(key, Located { value, location: text.location }, &range, "a duration", format_duration)
    }

    pub(crate) fn into_integer(self, key: &str, range: RangeInclusive<i64>, sink: &DiagnosticSink) -> Option<i64> {
        self.reveal();
        let found = match &self.value {
            ConfigValue::Integer(number) => Some(*number),
            ConfigValue::EnvVar(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(value) = found else {
            let message = format!("`{key}` must be a whole number, not {}", self.value.type_name());
            let help = format!("write a whole number from {} to {}, without quotes", range.start(), range.end());
            sink.report(&self.location, message, help);
            return None;
        };
        let located = Located { value, location: self.location };
        sink.check_range(key, located, &range, "a whole number", |number| number.to_string()).map(|number| number.value)
    }

    pub(crate) fn into_float(self, key: &str, sink: &DiagnosticSink) -> Option<Located<f64>> {
        self.reveal();
        let found = match &self.value {
            ConfigValue::Float(number) => Some(*number),
            // Numbers a person writes down are far below 2^53, where this would round.
            #[expect(clippy::cast_precision_loss, reason = "limits and thresholds need no more than 53 bits")]
            ConfigValue::Integer(number) => Some(*number as f64),
            ConfigValue::EnvVar(text) => text.trim().parse().ok(),
            _ => None,
        };
        match found {
            Some(value) if value.is_finite() => return Some(Located { value, location: self.location }),
            Some(_) => {
                sink.report(&self.location, format!("`{key}` is not finite"), "write an ordinary number");
            }
            None => {
                let message = format!("`{key}` must be a number, not {}", self.value.type_name());
                sink.report(&self.location, message, "write a number, without quotes");
            }
        }
        None
    }

    pub(crate) fn into_array(self, key: &str, sink: &DiagnosticSink) -> Option<Located<Vec<ConfigNode>>> {
        let Self { location, value } = self.parse_env_toml(sink)?;
        if let ConfigValue::Array(items) = value {
            return Some(Located { value: items, location });
        }
        let message = format!("`{key}` must be a list, not {}", value.type_name());
        let help = match value {
            ConfigValue::Table(_) => format!("write a list, also of one: `{key} = [{{ … }}]`"),
            _ => format!("write it in brackets: `{key} = [\"…\", \"…\"]`"),
        };
        sink.report(&location, message, help);
        None
    }

    pub(crate) fn into_table<'l, 'k>(self, name: impl Into<ValueName<'k>>, sink: &'l DiagnosticSink) -> Option<Fields<'l>> {
        let Self { location, value } = self.parse_env_toml(sink)?;
        if let ConfigValue::Table(entries) = value {
            return Some(Fields::new(location, entries, sink));
        }
        let name = name.into();
        let message = format!("{name} must be a table, not {}", value.type_name());
        let written = name.written_as("{ … }");
        let help = match (name, value) {
            (ValueName::ItemOf(_), _) => format!("write each in braces: {written}"),
            (_, ConfigValue::Array(_)) => format!("there is one: write {written}, or a heading in one pair of brackets"),
            _ => format!("write it in braces, {written}, or under a heading in brackets"),
        };
        sink.report(&location, message, help);
        None
    }

    /// Parses an environment variable that has an array or a table in TOML; any other value stays as it is.
    pub(crate) fn parse_env_toml(self, sink: &DiagnosticSink) -> Option<Self> {
        match &self.value {
            ConfigValue::EnvVar(text) if text.trim_start().starts_with(['[', '{']) => {
                match parse_value(text.trim(), &self.location) {
                    Ok(node) => Some(node),
                    Err(error) => {
                        let help = "write it as in a TOML file: `[\"a\", \"b\"]` or `{ key = \"text\" }`";
                        sink.report(&self.location, format!("the value is not TOML: {error}"), help);
                        None
                    }
                }
            }
            _ => Some(self),
        }
    }
}
