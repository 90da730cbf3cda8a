//! The parser of answers: JSON, and what is all but JSON. A number that JSON has not, as Python and Prometheus write them (`NaN`,
//! `-Infinity`), is one that nobody can tell, and half of a surrogate pair is a character that nobody knows: each costs its value
//! and not the answer.

use jaq_json::{Rc, Val};
use jaq_std::ValT as _;

use crate::sources::SourceError;

/// What begins a text that stands for a number that JSON has not, until it is read. No answer has such a text by itself, or is
/// read as though it had.
const MARK: &str = "\\u0000number:";

/// Parses an answer of `host`. Nesting deeper than 128 is refused by the parser.
///
/// # Errors
/// [`SourceError::BadAnswer`] with the place where it is none.
pub(super) fn parse_answer(host: &str, body: &[u8]) -> Result<Val, SourceError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(SourceError::BadAnswer(format!("{host} answered with nothing")));
    }
    serde_json::from_slice(body).or_else(|error: serde_json::Error| {
        if let Some(value) = repaired(body).and_then(|body| serde_json::from_slice(&body).ok()) {
            return Ok(with_numbers(value));
        }
        if error.to_string().starts_with("recursion limit") {
            return Err(SourceError::BadAnswer(format!("{host} answered with JSON that is nested deeper than 128 levels")));
        }
        let page = if body.trim_ascii_start().starts_with(b"<") { ", but a web page" } else { "" };
        let (line, column) = (error.line(), error.column());
        Err(SourceError::BadAnswer(format!("{host} did not answer with JSON{page} (line {line}, column {column})")))
    })
}

/// The text with what JSON has not written otherwise; `None` where there is nothing of that.
fn repaired(body: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(body.len() + 64);
    let mut rest = body;
    let mut is_in_string = false;
    let mut has_changed = false;
    while let Some((&first, after)) = rest.split_first() {
        let taken = match first {
            b'"' => {
                is_in_string = !is_in_string;
                1
            }
            b'\\' if is_in_string => {
                let (taken, is_half) = escape_length(rest);
                if is_half {
                    text.extend_from_slice(br"\ufffd");
                    (rest, has_changed) = (&rest[taken..], true);
                    continue;
                }
                taken
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' if !is_in_string => {
                let is_of_word = |c: &u8| c.is_ascii_alphanumeric() || b"+-.".contains(c);
                let length = 1 + after.iter().take_while(|c| is_of_word(c)).count();
                if let Some(number) = beyond_json(&rest[..length]) {
                    text.extend_from_slice(format!("\"{MARK}{number}\"").as_bytes());
                    (rest, has_changed) = (&rest[length..], true);
                    continue;
                }
                length
            }
            _ => 1,
        };
        text.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
    }
    has_changed.then_some(text)
}

/// The length of the escape at the beginning of the text, and whether it is half of a surrogate pair alone.
fn escape_length(text: &[u8]) -> (usize, bool) {
    match code_unit(text) {
        None => (text.len().min(2), false),
        Some(0xD800..=0xDBFF) if matches!(code_unit(&text[6..]), Some(0xDC00..=0xDFFF)) => (12, false),
        Some(0xD800..=0xDFFF) => (6, true),
        Some(_) => (6, false),
    }
}

/// The code unit of an escape `\uXXXX` at the beginning of the text.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The number that a word is which JSON has not: none at all, or larger than any.
fn beyond_json(word: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    (!number.is_finite()).then_some(number)
}

/// The value with its numbers that JSON has not. It is nested no deeper than the parser allows.
fn with_numbers(value: Val) -> Val {
    match value {
        Val::Arr(mut entries) => {
            for entry in Rc::make_mut(&mut entries) {
                *entry = with_numbers(std::mem::take(entry));
            }
            Val::Arr(entries)
        }
        Val::Obj(mut fields) => {
            for field in Rc::make_mut(&mut fields).values_mut() {
                *field = with_numbers(std::mem::take(field));
            }
            Val::Obj(fields)
        }
        value => marked_number(&value).map_or(value, Val::from),
    }
}

fn marked_number(value: &Val) -> Option<f64> {
    let text = value.as_bytes()?.strip_prefix(b"\0number:")?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn json(body: &str) -> String {
        parse_answer("stock.corp", body.as_bytes()).unwrap().to_string()
    }

    #[test]
    fn what_json_has_not_costs_its_value_and_not_the_answer() {
        let value =
            parse_answer("stock.corp", br#"{"a": NaN, "b": [1, -Infinity, nan,inf], "c": "NaN, \"-Infinity", "d": 1e999}"#);
        let Ok(Val::Obj(fields)) = value else { panic!("{value:?}") };
        let field = |key: &str| fields[&Val::from(key.to_owned())].clone();
        assert!(field("a").as_f64().unwrap().is_nan() && field("d").as_f64().unwrap().is_infinite());
        let Val::Arr(list) = field("b") else { panic!("no list") };
        assert!(list[1].as_f64().unwrap().is_infinite() && list[2].as_f64().unwrap().is_nan() && list.len() == 4);
        assert_eq!(field("c").as_bytes().unwrap(), br#"NaN, "-Infinity"#);

        assert_eq!(
            json(r#"["\ud83d", "a\udc00b", "\ud83d\u0041", "\ud83d\ude00", "\\ud83d", 1]"#),
            "[\"\u{fffd}\",\"a\u{fffd}b\",\"\u{fffd}A\",\"😀\",\"\\\\ud83d\",1]"
        );
        assert_eq!(json(r#"{"\ud83d": 1, "b": 2}"#), "{\"\u{fffd}\":1,\"b\":2}");
    }

    #[test]
    fn what_is_no_json_at_all_is_not_taken_for_it() {
        for body in
            ["{a: NaN}", "[NaN", "NaNa", "[1 NaN]", "\"\\ud8", "\"\\", "[nul]", "[Nan NaN]", "{\"a\": infinitely}", "[1,]"]
        {
            assert!(parse_answer("stock.corp", body.as_bytes()).is_err(), "{body}");
        }
        for within in ["NaN", "1"] {
            let deep = format!("{}{within}{}", "[".repeat(1_000), "]".repeat(1_000));
            let error = parse_answer("stock.corp", deep.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("nested deeper than 128"), "it is JSON: {error}");
        }
    }
}
