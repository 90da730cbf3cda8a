//! A query of this kind of source: one SQL statement that reads, whose variables are bound.
//!
//! `$city` becomes a parameter of the database's own protocol, outside of strings, quoted names and comments. Nothing that a
//! visitor chose is ever a part of the text.

use super::dialect::SqlDialect;
use super::lexer::{SqlToken, SqlTokenKind, place_of, tokenize};
use crate::domain::{Bindings, Placeholder, TimeRange, Timestamp};
use crate::sources::QueryError;
use crate::sources::text::truncated;

/// The longest statement: far longer than anybody reads.
const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// A checked statement, with parameters in the place of its variables.
#[derive(Debug)]
pub(super) struct SqlStatement {
    /// The text as the database gets it.
    pub(super) sql: String,
    parameters: Vec<SqlParameter>,
    /// Whether something in it is called `time`, as is the column that makes series of rows.
    has_time: bool,
    dialect: SqlDialect,
    /// The query as its author wrote it.
    query: String,
    /// Where each token is, in characters: in the text that the database gets, and in the query.
    places: Vec<(usize, usize)>,
}

/// What a parameter of a statement stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SqlParameter {
    Input(Placeholder),
    /// `$from`, the beginning of the time that is asked for.
    From,
    /// `$to`, its end.
    To,
}

impl SqlStatement {
    /// Checks a query.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn parse(dialect: SqlDialect, query: &str) -> Result<Self, QueryError> {
        if query.len() > MAX_STATEMENT_BYTES {
            return Err(QueryError(format!("the statement is longer than {MAX_STATEMENT_BYTES} bytes")));
        }
        let tokens = tokenize(dialect, query)?;
        let code = &tokens[..code_length(&tokens)];
        let has_time = code.iter().any(|token| token.text.trim_matches(['"', '`', '[', ']']).eq_ignore_ascii_case("time"));
        let (sql, parameters, places, query_text) = (String::new(), Vec::new(), Vec::new(), query.to_owned());
        let mut statement = Self { sql, parameters, has_time, dialect, query: query_text, places };
        check_reads(code)?;
        check_brackets(code, query)?;
        let (mut written, mut read) = (0, 0);
        for token in code {
            statement.places.push((written, read));
            let place = || place_of(query, read);
            let text =
                statement.rewritten(token).map_err(|QueryError(mistake)| QueryError(format!("{mistake} ({})", place())))?;
            written += text.chars().count();
            read += token.text.chars().count();
            statement.sql.push_str(&text);
        }
        Ok(statement)
    }

    /// The inputs whose values it uses, each once or more.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            SqlParameter::Input(placeholder) => Some(placeholder),
            SqlParameter::From | SqlParameter::To => None,
        })
    }

    /// Whether it asks for a span of time.
    pub(super) fn uses_range(&self) -> bool {
        self.parameters.iter().any(|parameter| matches!(parameter, SqlParameter::From | SqlParameter::To))
    }

    /// Whether its rows are of a span of time, each with its own.
    pub(super) fn tells_its_past(&self) -> bool {
        self.uses_range() && self.has_time
    }

    /// The values of its parameters, in their order.
    ///
    /// # Errors
    /// Which of them has no value.
    pub(super) fn values(&self, bindings: &Bindings, range: TimeRange) -> Result<Vec<String>, QueryError> {
        let value = |parameter: &SqlParameter| match parameter {
            SqlParameter::Input(placeholder) => {
                placeholder.value(bindings).map(str::to_owned).ok_or_else(|| QueryError::no_value(placeholder))
            }
            SqlParameter::From => Ok(self.time(range.from())),
            SqlParameter::To => Ok(self.time(range.to())),
        };
        self.parameters.iter().map(value).collect()
    }

    /// Where in the query a character of [`Self::sql`] comes from, counted from 0: `line 2, column 5`.
    pub(super) fn place(&self, character: usize) -> Option<String> {
        let (written, read) = *self.places.iter().rev().find(|(written, _)| *written <= character)?;
        Some(place_of(&self.query, read + character - written))
    }

    /// A token as the database gets it.
    fn rewritten(&mut self, token: &SqlToken<'_>) -> Result<String, QueryError> {
        match token.kind {
            SqlTokenKind::Variable => Ok(self.parameter(variable(token.text)?)),
            SqlTokenKind::Symbol if self.is_parameter(token.text) => Err(QueryError(format!(
                "'{}' stands for a value that nobody gives; the value of an input is $city, and that of its field zone $city_zone",
                token.text
            ))),
            _ => Ok(token.text.to_owned()),
        }
    }

    /// Whether the database takes a character of a query for a parameter.
    fn is_parameter(&self, symbol: &str) -> bool {
        match self.dialect {
            // There it is an operator of JSON.
            SqlDialect::Postgres => false,
            SqlDialect::MySql => symbol == "?",
            SqlDialect::Sqlite => matches!(symbol, "?" | ":" | "@"),
        }
    }

    /// Adds a parameter, and returns how the database writes it.
    fn parameter(&mut self, parameter: SqlParameter) -> String {
        let is_time = matches!(parameter, SqlParameter::From | SqlParameter::To);
        let known = self.parameters.iter().position(|known| *known == parameter);
        // MySQL counts each place.
        let number = known.filter(|_| self.dialect != SqlDialect::MySql).unwrap_or_else(|| {
            self.parameters.push(parameter);
            self.parameters.len() - 1
        }) + 1;
        match (self.dialect, is_time) {
            (SqlDialect::Postgres, false) => format!("${number}"),
            (SqlDialect::Postgres, true) => format!("CAST(${number} AS timestamptz)"),
            (SqlDialect::MySql, false) => "?".to_owned(),
            (SqlDialect::MySql, true) => "CAST(? AS DATETIME(3))".to_owned(),
            (SqlDialect::Sqlite, _) => format!("?{number}"),
        }
    }

    /// A moment as the database reads it: of PostgreSQL with its zone, else in UTC. SQLite has no type for it, and
    /// `CURRENT_TIMESTAMP` is of this form.
    fn time(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let format = match self.dialect {
            SqlDialect::Postgres => "%Y-%m-%dT%H:%M:%S%.3fZ",
            SqlDialect::MySql => "%Y-%m-%d %H:%M:%S%.3f",
            SqlDialect::Sqlite => "%Y-%m-%d %H:%M:%S",
        };
        at.strftime(format).to_string()
    }
}

/// The number of tokens up to the last that is code: a semicolon at the end belongs to nothing.
fn code_length(tokens: &[SqlToken<'_>]) -> usize {
    let is_last = |token: &SqlToken<'_>| token.kind != SqlTokenKind::Space && token.text != ";";
    tokens.iter().rposition(is_last).map_or(0, |last| last + 1)
}

/// Checks that it is one statement, and one that reads.
fn check_reads(code: &[SqlToken<'_>]) -> Result<(), QueryError> {
    let is_word = |token: &SqlToken<'_>, word: &str| token.kind == SqlTokenKind::Word && token.text.eq_ignore_ascii_case(word);
    let first = code.iter().find(|token| token.kind != SqlTokenKind::Space && token.text != "(");
    match first {
        Some(first) if ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| is_word(first, word)) => {}
        Some(first) => {
            let found = truncated(first.text, 20);
            return Err(QueryError(format!(
                "a query only reads: it begins with SELECT, WITH or VALUES, and not with '{found}'"
            )));
        }
        None => return Err(QueryError("the query is empty; write a SELECT".to_owned())),
    }
    if code.iter().any(|token| token.text == ";") {
        return Err(QueryError("a query is one statement; take out what stands behind the ;".to_owned()));
    }
    if code.iter().any(|token| is_word(token, "INTO")) {
        return Err(QueryError("a query only reads: INTO would write; a name like that stands in quotation marks".to_owned()));
    }
    Ok(())
}

/// Checks that each bracket has its other one.
fn check_brackets(code: &[SqlToken<'_>], query: &str) -> Result<(), QueryError> {
    let (mut open, mut read) = (Vec::new(), 0);
    for token in code {
        match token.text {
            "(" => open.push(read),
            ")" if open.pop().is_none() => {
                return Err(QueryError(format!("a ) has no ( before it ({})", place_of(query, read))));
            }
            _ => {}
        }
        read += token.text.chars().count();
    }
    open.pop().map_or(Ok(()), |at| Err(QueryError(format!("a ( is never closed ({})", place_of(query, at)))))
}

fn variable(text: &str) -> Result<SqlParameter, QueryError> {
    let name = &text[1..];
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let parameter = match name {
        "from" => Some(SqlParameter::From),
        "to" => Some(SqlParameter::To),
        _ if is_number => None,
        name => Placeholder::of_variable(name).map(SqlParameter::Input),
    };
    parameter.ok_or_else(|| {
        let help = "the value of an input is $city, and that of its option's field zone $city_zone";
        QueryError(format!("there is no variable {}; {help}", truncated(text, 40)))
    })
}
