use std::collections::HashSet;

use jaq_core::{Ctx, Vars};
use jaq_json::Val;

use super::answer::parse_answer;
use super::compile::Program;
use super::mapping::{self, MAX_ENTRIES};
use super::meter::{Halt, Metered, RunBudget, RunData, to_bounded_string};
use crate::domain::{Bindings, Reading};
use crate::sources::text::truncated;
use crate::sources::{QueryError, SourceError};

/// Bytes of jq's own error message, which holds the values it is about.
const MAX_JQ_ERROR_BYTES: usize = 1024 * 1024;

/// The messages of our own native filters.
const NATIVE_MESSAGES: [&str; 6] = [
    "fromjson was given something that is not JSON",
    "tonumber was given something that is not a number",
    "toboolean was given something that is neither true nor false",
    "setpath was given an index out of bounds",
    "setpath takes a path of at most 512 steps",
    "delpaths takes paths of at most 512 steps",
];

/// How the errors of jaq's native filters begin and end, with a value between, and the words without it.
const NATIVE_ERRORS: [(&str, &str, &str); 8] = [
    ("", " has no length", "a boolean has no length"),
    ("index ", " out of bounds", "an index is beyond the end of its array"),
    ("cannot use ", " as character", "implode was given a number that is no character"),
    ("cannot convert ", " to bytes", "tobytes was given something else than bytes"),
    ("cannot convert ", " to time", "a time was expected: a number, or a list of year, month, day and so on"),
    ("invalid regex flag: ", "", "a regular expression has a flag that there is not"),
    ("invalid regex: ", "", "a regular expression cannot be read"),
    ("strptime", "", "strptime was given a text that is not of this format"),
];

/// Characters of a filter's own error message.
const MAX_MESSAGE_CHARS: usize = 160;

/// Runs a filter on the answer of `host`, at `now` in milliseconds since the Unix epoch.
///
/// # Errors
/// In words that name the host, and repeat nothing of the answer.
pub(super) fn run(program: &Program, host: &str, body: &[u8], bindings: &Bindings, now: i64) -> Result<Reading, SourceError> {
    let answer = parse_answer(host, body)?;
    let values = program.variables.iter().map(|variable| {
        let placeholder = &variable.placeholder;
        let value = placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?;
        Ok(Val::from(value.to_owned()))
    });
    let values = values.collect::<Result<Vec<_>, QueryError>>()?;
    let budget = RunBudget::start(unix_seconds(now));
    let data = RunData { lut: &program.filter.lut, budget: &budget };
    let context = Ctx::<Metered>::new(data, Vars::new(values));
    let mut results = Vec::new();
    for result in program.filter.id.run((context, answer)) {
        let result = result.map_err(|exception| match exception.get_err() {
            Ok(error) => SourceError::BadAnswer(to_bounded_string(&error, MAX_JQ_ERROR_BYTES).map_or_else(
                || "the filter failed on a value too large to name".to_owned(),
                |message| describe_jq_error(&message, &program.literals),
            )),
            Err(exception) => Halt::error(exception.get_halt().unwrap_or_default()),
        })?;
        budget.spend(1, &result).map_err(|halt| Halt::error(halt as i32))?;
        if results.len() == MAX_ENTRIES {
            let message = format!("the filter has more than {MAX_ENTRIES} results; let it pick fewer");
            return Err(SourceError::TooLarge(message));
        }
        results.push(result);
    }
    mapping::reading(results)
}

fn unix_seconds(millis: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era are far below 2^53")]
    let millis = millis as f64;
    millis / 1000.0
}

/// The error message for one of jq's, with the kinds of the values it is about in place of the values: those belong to
/// whoever may see the whole answer. So does a text, unless it is one of the filter's own `literals`.
fn describe_jq_error(message: &str, literals: &HashSet<String>) -> String {
    let kind = |value: &str, from_end: bool| {
        let c = if from_end { value.chars().next_back() } else { value.chars().next() };
        match c {
            Some('{' | '}') => "an object",
            Some('[' | ']') => "an array",
            Some('"') => "a text",
            Some('0'..='9' | '-') => "a number",
            Some('n' | 'l') => "null",
            _ => "a boolean",
        }
    };
    let what = if let Some(values) = message.strip_prefix("cannot calculate ") {
        format!("it cannot calculate with {} and {}", kind(values, false), kind(values, true))
    } else if let Some(value) = message.strip_prefix("cannot index ") {
        format!("it cannot look into {} with {}", kind(value, false), kind(value, true))
    } else if let Some(rest) = message.strip_prefix("cannot use ") {
        let wanted = rest.rsplit_once(" as ").map_or("what is wanted there", |(_, wanted)| wanted);
        format!("it cannot use {} as {wanted}", kind(rest, false))
    } else if let Some(value) = message.strip_prefix("invalid path expression with input ") {
        format!("it cannot change {} there, which is no part of the answer", kind(value, false))
    } else if let Ok(text) = serde_json::from_str::<String>(message) {
        if literals.contains(&text) || NATIVE_MESSAGES.contains(&text.as_str()) {
            truncated(&text, MAX_MESSAGE_CHARS)
        } else if let Some((_, _, words)) =
            NATIVE_ERRORS.iter().find(|(begin, end, _)| text.starts_with(begin) && text.ends_with(end))
        {
            (*words).to_owned()
        } else {
            return "the filter failed with a text that may be of the answer, and is not told".to_owned();
        }
    } else {
        return format!("the filter failed with {}", kind(message, false));
    };
    format!("the filter failed: {what}")
}
