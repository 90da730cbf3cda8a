use std::str::FromStr;

use itertools::Itertools as _;
use serde_json::Value;

use crate::domain::{Bindings, Placeholder, TextTemplate};
use crate::sources::QueryError;

/// The body of a request, JSON with inputs in it: `{"query": "query($city: String) { … }", "variables": {"city": "{city}"}}`. An input
/// stands alone in a string, so that its value is one string of the JSON whatever is in it.
#[derive(Clone, Debug)]
pub(super) struct BodyTemplate {
    json: Value,
    placeholders: Vec<Placeholder>,
}

/// Why a text is no body. No full stop.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidBody {
    /// It is no JSON.
    #[error("it is no JSON (line {line}, column {column})")]
    NoJson { line: usize, column: usize },
    /// An input is a part of a string.
    #[error(
        "'{{{0}}}' is a part of a string, where no value can be bound: let an input be the whole string, in GraphQL as a variable; if \
         no input is meant, put a blank behind the brace"
    )]
    PartOfString(String),
}

impl FromStr for BodyTemplate {
    type Err = InvalidBody;

    fn from_str(text: &str) -> Result<Self, InvalidBody> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| InvalidBody::NoJson { line: error.line(), column: error.column() })?;
        let mut placeholders = Vec::new();
        collect(&json, &mut placeholders)?;
        Ok(Self { json, placeholders: placeholders.into_iter().unique().collect() })
    }
}

impl BodyTemplate {
    /// The placeholders, each once.
    pub(super) fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// The JSON with these values.
    ///
    /// # Errors
    /// Which value is missing.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<String, QueryError> {
        let mut json = self.json.clone();
        fill(&mut json, bindings)?;
        Ok(json.to_string())
    }
}

/// The placeholder that a string is, if it is one.
fn placeholder(text: &str) -> Result<Option<Placeholder>, InvalidBody> {
    // What is no template has braces that mean something else: GraphQL's.
    let Ok(template) = text.parse::<TextTemplate>() else { return Ok(None) };
    match template.placeholders().next() {
        Some(placeholder) if text == format!("{{{}}}", placeholder.key) => Ok(Some(placeholder.clone())),
        Some(placeholder) => Err(InvalidBody::PartOfString(placeholder.key.clone())),
        None => Ok(None),
    }
}

fn collect(json: &Value, placeholders: &mut Vec<Placeholder>) -> Result<(), InvalidBody> {
    match json {
        Value::String(text) => placeholders.extend(placeholder(text)?),
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, placeholders))?,
        Value::Object(fields) => fields.values().try_for_each(|field| collect(field, placeholders))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn fill(json: &mut Value, bindings: &Bindings) -> Result<(), QueryError> {
    match json {
        Value::String(text) => {
            if let Ok(Some(placeholder)) = placeholder(text) {
                let value = placeholder.value(bindings).ok_or_else(|| QueryError::no_value(&placeholder))?;
                value.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, bindings))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill(field, bindings))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_string_whatever_is_in_it() {
        let graphql = r#"{"query": "query($c: String) { stock(city: $c) { count } }", "variables": {"c": "{city}", "z": ["{city.zone}", 1, null]}}"#;
        let body: BodyTemplate = graphql.parse().unwrap();
        assert_eq!(body.placeholders().iter().map(|placeholder| &*placeholder.key).collect::<Vec<_>>(), ["city", "city.zone"]);
        for value in ["\"", "\", \"admin\": \"yes", "\\", "{city.zone}", "{}", "\u{0}\n", "$c", "Zürich"] {
            let bound = body.bind(&[("city".to_owned(), value.to_owned()), ("city.zone".to_owned(), "eu".to_owned())].into());
            let mut expected: Value = serde_json::from_str(graphql).unwrap();
            expected["variables"]["c"] = Value::from(value);
            expected["variables"]["z"][0] = Value::from("eu");
            assert_eq!(serde_json::from_str::<Value>(&bound.unwrap()).unwrap(), expected, "{value}");
        }
        assert_eq!(body.bind(&Bindings::new()).unwrap_err().0, "{city} has no value");
    }

    #[test]
    fn what_is_no_body_is_told() {
        let error = |text: &str| text.parse::<BodyTemplate>().unwrap_err().to_string();
        assert_eq!(error("{\n\"a\": }"), "it is no JSON (line 2, column 6)");
        assert!(error(r#"{"a": "city:{city}"}"#).starts_with("'{city}' is a part of a string"));
        assert!(error(r#"["{city}{city}"]"#).starts_with("'{city}' is a part of a string"));
    }
}
