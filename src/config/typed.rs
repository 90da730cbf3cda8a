use std::ops::RangeInclusive;

use super::reader::{Fields, Ledger, Placed};
use super::tree::{Node, Value, read_value};

/// What a value is asked to be. Each asking notes what is wrong and where.
impl Node {
    /// A text with something in it.
    pub(super) fn text(self, key: &str, ledger: &Ledger) -> Option<Placed<String>> {
        let Self { place, value } = self;
        match value {
            Value::Text(text) | Value::Variable(text) if !text.trim().is_empty() => {
                return Some(Placed { value: text, place });
            }
            Value::Text(_) | Value::Variable(_) => {
                ledger.note(&place, format!("`{key}` is empty"), "write something between the quotes, or leave it out");
            }
            other => ledger.note(
                &place,
                format!("`{key}` must be text, not {}", other.what()),
                format!("write it in quotes: `{key} = \"…\"`"),
            ),
        }
        None
    }

    pub(super) fn whole(self, key: &str, range: RangeInclusive<i64>, ledger: &Ledger) -> Option<i64> {
        let found = match &self.value {
            Value::Whole(number) => Some(*number),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(value) = found else {
            let message = format!("`{key}` must be a whole number, not {}", self.value.what());
            let help = format!("write a whole number from {} to {}, without quotes", range.start(), range.end());
            ledger.note(&self.place, message, help);
            return None;
        };
        let placed = Placed { value, place: self.place };
        ledger.within(key, placed, &range, "a whole number", |number| number.to_string()).map(|number| number.value)
    }

    pub(super) fn real(self, key: &str, ledger: &Ledger) -> Option<Placed<f64>> {
        let found = match &self.value {
            Value::Real(number) => Some(*number),
            // Numbers a person writes down are far below 2^53, where this would round.
            #[expect(clippy::cast_precision_loss, reason = "limits and thresholds need no more than 53 bits")]
            Value::Whole(number) => Some(*number as f64),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        match found {
            Some(value) if value.is_finite() => return Some(Placed { value, place: self.place }),
            Some(_) => {
                ledger.note(&self.place, format!("`{key}` is not finite"), "write an ordinary number");
            }
            None => {
                let message = format!("`{key}` must be a number, not {}", self.value.what());
                ledger.note(&self.place, message, "write a number, without quotes");
            }
        }
        None
    }

    pub(super) fn list(self, key: &str, ledger: &Ledger) -> Option<Placed<Vec<Node>>> {
        let Self { place, value } = self.opened(ledger)?;
        if let Value::List(items) = value {
            return Some(Placed { value: items, place });
        }
        let message = format!("`{key}` must be a list, not {}", value.what());
        ledger.note(&place, message, format!("write it in brackets: `{key} = [\"…\", \"…\"]`"));
        None
    }

    pub(super) fn table<'l>(self, key: &str, ledger: &'l Ledger) -> Option<Fields<'l>> {
        let Self { place, value } = self.opened(ledger)?;
        if let Value::Table(entries) = value {
            return Some(Fields::new(place, entries, ledger));
        }
        let message = format!("`{key}` must be a table, not {}", value.what());
        ledger.note(&place, message, format!("write it in braces, `{key} = {{ … }}`, or under a heading in brackets"));
        None
    }

    /// The same with a list or table that stands in an environment variable, in TOML's form, read.
    pub(super) fn opened(self, ledger: &Ledger) -> Option<Self> {
        match &self.value {
            Value::Variable(text) if text.trim_start().starts_with(['[', '{']) => {
                match read_value(text.trim(), &self.place) {
                    Ok(node) => Some(node),
                    Err(error) => {
                        let help = "write it as in a TOML file: `[\"a\", \"b\"]` or `{ key = \"text\" }`";
                        ledger.note(&self.place, format!("the value is not TOML: {error}"), help);
                        None
                    }
                }
            }
            _ => Some(self),
        }
    }
}
