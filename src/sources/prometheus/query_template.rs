//! PromQL with inputs in it: `up{host="$host"}`, `topk($count, load)`, `rate(hits[$window])`.
//!
//! A value stands in the string of a label's matcher, where it is escaped (and behind `=~` and `!~` quoted for regular expressions
//! too), or it is a whole number or duration of the language and checked to be one. Anywhere else it could change what the query
//! means, and is refused when the page is loaded.

use std::fmt::Write as _;

use itertools::Itertools as _;

use super::labels::LegendTemplate;
use crate::domain::{Bindings, Placeholder};
use crate::sources::QueryError;

/// The longest query: a screenful. Parsing one takes a stack as deep as it is long.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// The longest number or duration that is bound.
const MAX_NUMBER_BYTES: usize = 32;

/// A query as its author wrote it, with the places of the inputs' values.
#[derive(Debug)]
pub(super) struct PromqlTemplate {
    segments: Vec<Segment>,
    legend: Option<LegendTemplate>,
}

#[derive(Debug)]
enum Segment {
    Text(String),
    Value(Placeholder, ValueContext),
}

/// The place of a value in a query, which says how it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueContext {
    /// In a string that a label is equal to, or not.
    Text,
    /// In a regular expression that a label matches, or not.
    Regex,
    /// In the place of a number.
    Number,
    /// In the place of a duration.
    Duration,
}

impl PromqlTemplate {
    /// Finds the inputs in a query.
    ///
    /// # Errors
    /// Which of them stands where no value can be bound, or what string never ends.
    pub(super) fn parse(query: &str) -> Result<Self, QueryError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(QueryError(format!("the query is longer than {MAX_QUERY_BYTES} bytes")));
        }
        let mut scanner = Scanner::new(query);
        while let Some(c) = scanner.next_char() {
            match c {
                '#' => scanner.comment(),
                '"' | '\'' | '`' => scanner.string(c)?,
                '$' => scanner.bare_value()?,
                _ => scanner.code(c),
            }
        }
        scanner.flush();
        Ok(Self { segments: scanner.segments, legend: scanner.legend })
    }

    /// The template of its series' labels, where its author has written one: `# legend: {{instance}}`.
    pub(super) fn legend(&self) -> Option<&LegendTemplate> {
        self.legend.as_ref()
    }

    /// The placeholders, each once.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let placeholders = self.segments.iter().filter_map(|segment| match segment {
            Segment::Value(placeholder, _) => Some(placeholder),
            Segment::Text(_) => None,
        });
        placeholders.unique()
    }

    /// The query with these values.
    ///
    /// # Errors
    /// Which value is missing, or is no number or duration where only one can stand.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<String, QueryError> {
        let bound = self.segments.iter().map(|segment| match segment {
            Segment::Text(text) => Ok(text.clone()),
            Segment::Value(placeholder, context) => {
                context.bind(placeholder, placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?)
            }
        });
        bound.collect()
    }

    /// The query with a value of the right sort for each placeholder, which has the same structure as with any others.
    pub(super) fn sample(&self) -> String {
        let sample = |segment: &Segment| match segment {
            Segment::Text(text) => text.clone(),
            Segment::Value(_, ValueContext::Number) => "1".to_owned(),
            Segment::Value(_, ValueContext::Duration) => "1m".to_owned(),
            // By its own name, so that two are told apart.
            Segment::Value(placeholder, _) => escape(&quote_regex(&placeholder.key)),
        };
        self.segments.iter().map(sample).collect()
    }
}

impl ValueContext {
    fn bind(self, placeholder: &Placeholder, value: &str) -> Result<String, QueryError> {
        let wrong = |what: &str| QueryError(format!("the value of ${} is not {what}", placeholder.key.replace('.', "_")));
        match self {
            Self::Text => Ok(escape(value)),
            Self::Regex => Ok(escape(&quote_regex(value))),
            Self::Number if is_number(value) => Ok(value.to_owned()),
            Self::Number => Err(wrong("a number without a sign")),
            Self::Duration if is_duration(value) => Ok(value.to_owned()),
            Self::Duration => Err(wrong("a duration such as 5m")),
        }
    }
}

/// The text as it stands between quotation marks of either sort.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            c if c == '"' || c == '\'' || c.is_ascii_control() => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\x{:02x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// The regular expression (RE2's) that matches the text and nothing else.
fn quote_regex(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$-".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn is_number(value: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = value.split_once(['e', 'E']).map_or((value, None), |(mantissa, rest)| (mantissa, Some(rest)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    value.len() <= MAX_NUMBER_BYTES
        && is_digits(whole)
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

fn is_duration(value: &str) -> bool {
    let mut rest = value;
    let mut units = ["y", "w", "d", "h", "ms", "m", "s"].as_slice();
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(at) = units.iter().position(|word| unit.starts_with(word)) else { return false };
        if unit.len() == rest.len() {
            return false;
        }
        rest = &unit[units[at].len()..];
        // Milliseconds are the last, though they are looked for before minutes.
        units = if units[at] == "ms" { &[] } else { &units[at + 1..] };
    }
    !value.is_empty() && value.len() <= MAX_NUMBER_BYTES
}

/// A walk through a query, that knows strings, comments and brackets.
struct Scanner<'q> {
    query: &'q str,
    at: usize,
    segments: Vec<Segment>,
    /// The text since the last value.
    literal: String,
    in_braces: bool,
    brackets: usize,
    legend: Option<LegendTemplate>,
}

impl<'q> Scanner<'q> {
    fn new(query: &'q str) -> Self {
        Self { query, at: 0, segments: Vec::new(), literal: String::new(), in_braces: false, brackets: 0, legend: None }
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Text(std::mem::take(&mut self.literal)));
        }
    }

    fn code(&mut self, c: char) {
        match c {
            '{' => self.in_braces = true,
            '}' => self.in_braces = false,
            '[' => self.brackets += 1,
            ']' => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.literal.push(c);
    }

    /// A comment, up to the end of its line, which may be the legend.
    fn comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        if let Some(legend) = self.rest()[..length].trim().strip_prefix("legend:") {
            self.legend = Some(LegendTemplate::parse(legend.trim()));
        }
        self.at += length;
    }

    /// A string, behind its first quotation mark.
    fn string(&mut self, quote: char) -> Result<(), QueryError> {
        let begin = self.at;
        let context = self.matcher();
        let mut pieces = vec![Segment::Text(String::new())];
        loop {
            let Some(c) = self.next_char().filter(|c| *c != '\n' || quote == '`') else {
                return Err(self.error(begin, "a string that begins there never ends"));
            };
            let name = if c == '$' { self.name() } else { "" };
            if !name.is_empty() {
                let context = context.ok_or_else(|| self.no_matcher(name))?;
                let follows_backslash = matches!(pieces.last(), Some(Segment::Text(text)) if text.ends_with('\\'));
                if context == ValueContext::Regex && follows_backslash {
                    return Err(self.error(self.at - name.len() - 2, "a backslash cannot stand before an input"));
                }
                pieces.push(Segment::Value(self.placeholder(name)?, context));
                pieces.push(Segment::Text(String::new()));
                continue;
            }
            let Some(Segment::Text(text)) = pieces.last_mut() else { continue };
            match c {
                c if c == quote => break,
                '$' if context.is_some() && self.rest().starts_with('{') => {
                    return Err(self.error(self.at - 1, "an input has no braces here: write `$host`"));
                }
                '\\' if quote != '`' => {
                    text.push('\\');
                    text.extend(self.next_char());
                }
                c => text.push(c),
            }
        }
        self.append_string(quote, pieces);
        Ok(())
    }

    /// Adds a string. One without escapes gets them when there is a value in it, which may need one.
    fn append_string(&mut self, quote: char, pieces: Vec<Segment>) {
        let is_raw = quote == '`' && pieces.len() > 1;
        let quote = if is_raw { '"' } else { quote };
        self.literal.push(quote);
        for piece in pieces {
            match piece {
                Segment::Text(text) if is_raw => self.literal.push_str(&escape(&text)),
                Segment::Text(text) => self.literal.push_str(&text),
                Segment::Value(..) => {
                    self.flush();
                    self.segments.push(piece);
                }
            }
        }
        self.literal.push(quote);
    }

    /// A value that is no part of a string, behind its `$`.
    fn bare_value(&mut self) -> Result<(), QueryError> {
        let begin = self.at;
        let name = self.name();
        let placeholder = self.placeholder(name)?;
        let is_of_word = |c: char| c.is_alphanumeric() || "_.$\"'`".contains(c) || (c == ':' && self.brackets == 0);
        let before = self.literal.chars().next_back();
        let is_glued = before.map_or(!self.segments.is_empty(), is_of_word) || self.rest().starts_with(is_of_word);
        let is_of_braces = self.in_braces || self.lists_labels();
        if is_glued || is_of_braces {
            let message = format!(
                "`${name}` would be part of a name there: only the values in strings, numbers and durations can be chosen"
            );
            return Err(self.error(begin - 1, &message));
        }
        let context = if self.brackets > 0 || self.follows_offset() { ValueContext::Duration } else { ValueContext::Number };
        self.flush();
        self.segments.push(Segment::Value(placeholder, context));
        Ok(())
    }

    /// Whether the query lists labels' names there: `by (…`.
    fn lists_labels(&self) -> bool {
        let Some((before, inside)) = self.literal.rsplit_once('(') else { return false };
        let word = before.trim_end().rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let is_list = ["by", "without", "on", "ignoring", "group_left", "group_right"];
        !inside.contains(')') && is_list.iter().any(|known| word.eq_ignore_ascii_case(known))
    }

    fn follows_offset(&self) -> bool {
        let before = self.literal.trim_end().trim_end_matches('-').trim_end();
        before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().is_some_and(|word| word.eq_ignore_ascii_case("offset"))
    }

    /// How a value is bound in a string that begins here: by the operator before it, if it is a label's.
    fn matcher(&self) -> Option<ValueContext> {
        let before = self.literal.trim_end();
        match before {
            _ if !self.in_braces => None,
            before if before.ends_with("=~") || before.ends_with("!~") => Some(ValueContext::Regex),
            before if before.ends_with('=') => Some(ValueContext::Text),
            _ => None,
        }
    }

    /// Takes the name behind a `$`; empty where there is none, as before the number of a group (`$1`).
    fn name(&mut self) -> &'q str {
        let rest = self.rest();
        if !is_name_start(rest) {
            return "";
        }
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn placeholder(&self, name: &str) -> Result<Placeholder, QueryError> {
        Placeholder::of_variable(name).ok_or_else(|| {
            let message = if name.starts_with("__") {
                format!("`${name}` is a variable of Grafana's: write a duration such as `5m`, or `$window` for an input")
            } else {
                "behind `$` belongs the name of an input, or of an input's field as in `$city_zone`".to_owned()
            };
            self.error(self.at - name.len() - 1, &message)
        })
    }

    fn no_matcher(&self, name: &str) -> QueryError {
        let message = format!(
            "a value can be bound in the string of a label's matcher, as in `{{host=\"${name}\"}}`, but not in this one; a group of a \
             regular expression is written `${{{name}}}`"
        );
        self.error(self.at - name.len() - 1, &message)
    }

    fn error(&self, byte: usize, message: &str) -> QueryError {
        let character = self.query[..byte].chars().count() + 1;
        QueryError(format!("at character {character}: {message}"))
    }
}

fn is_name_start(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests;
