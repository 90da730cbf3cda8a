//! The tokens of SQL, as far as one must know them to tell code from text.

use super::dialect::SqlDialect;
use crate::sources::QueryError;

/// A token of an SQL text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SqlToken<'a> {
    pub(super) kind: SqlTokenKind,
    pub(super) text: &'a str,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SqlTokenKind {
    /// A keyword or a name without quotation marks.
    Word,
    /// `$city`.
    Variable,
    /// A string, or a name in quotation marks.
    Quoted,
    /// White space, or a comment.
    Space,
    /// Anything else: a number, or one character.
    Symbol,
}

/// Splits an SQL text into its tokens, which together are the text.
///
/// Servers disagree on where a comment begins and ends if a control character or another alphabet's white space is near. Control
/// characters stand in quotations only, and such white space there and in comments.
///
/// # Errors
/// Which comment or quotation is never closed, that a comment would be executed, or which character cannot stand there.
pub(super) fn tokenize(dialect: SqlDialect, sql: &str) -> Result<Vec<SqlToken<'_>>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (kind, length) = next_token(dialect, rest, first)
            .map_err(|mistake| QueryError(format!("{mistake} ({})", place_of(sql, sql[..at].chars().count()))))?;
        tokens.push(SqlToken { kind, text: &rest[..length] });
        at += length;
    }
    Ok(tokens)
}

/// The place of a character of a text, counted from 0, in words: `line 2, column 5`.
pub(super) fn place_of(text: &str, character: usize) -> String {
    let before: Vec<char> = text.chars().take(character).collect();
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    format!("line {line}, column {column}")
}

fn next_token(dialect: SqlDialect, rest: &str, first: char) -> Result<(SqlTokenKind, usize), &'static str> {
    use SqlTokenKind::{Quoted, Space, Symbol, Variable, Word};
    let is_mysql = dialect == SqlDialect::MySql;
    let quoted = |length: Option<usize>| length.map(|length| (Quoted, length));
    if is_space(first) {
        return Ok((Space, run_length(rest, is_space)));
    }
    if is_ambiguous(first) {
        return Err("a control character, or white space that is no space, tab or line break; write a space");
    }
    let comment = if begins_line_comment(dialect, rest) {
        Some(run_length(rest, |c| !ends_line_comment(dialect, c)))
    } else if rest.starts_with("/*") {
        Some(comment_length(dialect, rest)?)
    } else {
        None
    };
    if let Some(length) = comment {
        // MySQL ends a comment at a NUL.
        let is_plain = !rest[..length].contains(|c: char| c.is_control() && !is_space(c));
        return if is_plain { Ok((Space, length)) } else { Err("a comment has a control character in it; take it out") };
    }
    match first {
        '\'' => quoted(quotation_length(rest, '\'', is_mysql)).ok_or("a ' is never closed"),
        '"' => quoted(quotation_length(rest, '"', is_mysql)).ok_or("a \" is never closed"),
        '`' if dialect != SqlDialect::Postgres => quoted(quotation_length(rest, '`', false)).ok_or("a ` is never closed"),
        '[' if dialect == SqlDialect::Sqlite => quoted(rest.find(']').map(|at| at + 1)).ok_or("a [ is never closed"),
        'e' | 'E' if dialect == SqlDialect::Postgres && rest[1..].starts_with('\'') => {
            quoted(quotation_length(&rest[1..], '\'', true).map(|length| length + 1)).ok_or("a ' is never closed")
        }
        '$' => match dollar_tag(rest).filter(|_| dialect == SqlDialect::Postgres) {
            Some(tag) => {
                quoted(rest[tag.len()..].find(tag).map(|at| at + 2 * tag.len())).ok_or("a $…$ quotation is never closed")
            }
            None => match run_length(&rest[1..], |c| c.is_ascii_alphanumeric() || c == '_') {
                0 => Ok((Symbol, 1)),
                length => Ok((Variable, length + 1)),
            },
        },
        first if first.is_ascii_digit() => {
            let length = run_length(rest, |c| c.is_ascii_alphanumeric() || c == '.');
            // For PostgreSQL before 15, the `e` of `1e'\'` begins a string with backslashes.
            if rest[..length].ends_with(['e', 'E']) && rest[length..].starts_with('\'') {
                return Err("a ' stands directly behind a number; write a space before it");
            }
            Ok((Symbol, length))
        }
        first if is_word(first) => Ok((Word, run_length(rest, |c| is_word(c) || c == '$'))),
        first => Ok((Symbol, first.len_utf8())),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !(c.is_ascii() || is_ambiguous(c))
}

/// Whether it is white space in every dialect.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether it is white space, a letter or an end, depending on the server.
fn is_ambiguous(c: char) -> bool {
    !is_space(c) && (c.is_control() || c.is_whitespace())
}

fn run_length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn begins_line_comment(dialect: SqlDialect, rest: &str) -> bool {
    // MySQL takes `1--1` as a sum.
    let after = rest.strip_prefix("--");
    match dialect {
        SqlDialect::MySql => rest.starts_with('#') || after.is_some_and(|after| after.chars().next().is_none_or(is_space)),
        SqlDialect::Postgres | SqlDialect::Sqlite => after.is_some(),
    }
}

fn ends_line_comment(dialect: SqlDialect, c: char) -> bool {
    c == '\n' || (c == '\r' && dialect == SqlDialect::Postgres)
}

/// The length of the comment that `rest` begins with. PostgreSQL's may stand in one another.
fn comment_length(dialect: SqlDialect, rest: &str) -> Result<usize, &'static str> {
    if rest.starts_with("/*!") || rest.starts_with("/*M!") {
        return Err("a comment that begins with /*! is executed by some servers; take it out");
    }
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let next = rest[at..].find(['*', '/']).ok_or("a /* is never closed")?;
        at += next;
        if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else if dialect == SqlDialect::Postgres && rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    Ok(at)
}

/// The length of the quotation that `rest` begins with. A quotation mark in it is doubled, or stands behind a backslash.
fn quotation_length(rest: &str, mark: char, with_backslash: bool) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && with_backslash {
            characters.next()?;
        } else if c == mark {
            match characters.peek() {
                Some((_, next)) if *next == mark => drop(characters.next()),
                _ => return Some(at + mark.len_utf8()),
            }
        }
    }
    None
}

/// The mark that begins a quotation between dollar signs: `$$`, `$body$`.
fn dollar_tag(rest: &str) -> Option<&str> {
    let name = rest[1..].split_once('$')?.0;
    let is_tag = name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &rest[..name.len() + 2])
}
