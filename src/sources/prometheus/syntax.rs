//! What the text of a query says by itself: whether it is PromQL, and what is the same in all of its series.

use std::collections::BTreeSet;
use std::convert::Infallible;

use itertools::Itertools as _;
use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::sources::QueryError;
use crate::sources::text::truncated;

/// The stack for a query that is nothing but brackets; pages of it that are not used cost nothing.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// The parser's message where its grammar ends.
const UNEXPECTED: &str = "invalid promql query";

/// What may follow the beginning of a query, so that it is one: tried one after the other, with brackets closed.
const CONTINUATIONS: [&str; 9] = ["", "x", "(x)", "(x[5m])", "5m", "\"a\"", "=\"a\"", "(x) (x)", "x, x"];

/// The structure of a query.
#[derive(Debug)]
pub(super) struct QuerySyntax {
    /// The labels that have one value in all series that it selects.
    pub(super) fixed_labels: BTreeSet<String>,
    /// Whether it gives many values of each series, and has no past of its own.
    pub(super) is_range: bool,
}

impl QuerySyntax {
    /// The structure of a query that only the server can read.
    pub(super) fn of_unknown_language() -> Self {
        Self { fixed_labels: BTreeSet::from([METRIC_NAME.to_owned()]), is_range: false }
    }

    /// Parses a query without inputs.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn parse(query: &str) -> Result<Self, QueryError> {
        stacker::grow(STACK_BYTES, || match parser::parse(query) {
            Ok(expr) => Ok(Self {
                fixed_labels: fixed_labels(&expr),
                is_range: matches!(expr, Expr::MatrixSelector(_) | Expr::Subquery(_)),
            }),
            Err(error) => Err(QueryError(describe(query, &error))),
        })
    }
}

/// The labels that every selector fixes to the same value.
fn fixed_labels(expr: &Expr) -> BTreeSet<String> {
    let mut selectors = FixedLabels(None);
    let Ok(_) = walk_expr(&mut selectors, expr);
    selectors.0.unwrap_or_default().into_iter().map(|(name, _)| name).collect()
}

/// The labels and values that all selectors seen so far fix.
struct FixedLabels(Option<BTreeSet<(String, String)>>);

impl FixedLabels {
    fn narrow(&mut self, selector: &VectorSelector) {
        let is_fixed = |matcher: &&Matcher| matcher.op == MatchOp::Equal && selector.matchers.or_matchers.is_empty();
        let fixed = selector.matchers.matchers.iter().filter(is_fixed).map(|m| (m.name.clone(), m.value.clone()));
        let name = selector.name.iter().map(|name| (METRIC_NAME.to_owned(), name.clone()));
        let fixed: BTreeSet<_> = fixed.chain(name).collect();
        self.0 = Some(self.0.take().map_or_else(|| fixed.clone(), |all| &all & &fixed));
    }
}

impl ExprVisitor for FixedLabels {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.narrow(selector),
            Expr::MatrixSelector(range) => self.narrow(&range.vs),
            _ => {}
        }
        Ok(true)
    }
}

fn describe(query: &str, error: &str) -> String {
    if let Some(function) = error.strip_prefix("unknown function with name ") {
        return format!(
            "PromQL has no function {function}; if it is one of VictoriaMetrics', set `dialect = \"metricsql\"` in the source's table"
        );
    }
    if error != UNEXPECTED {
        return format!("this is not PromQL: {error}");
    }
    match unexpected_token(query) {
        Some((at, token)) => {
            let character = query[..at].chars().count() + 1;
            format!("this is not PromQL from character {character} on: '{}' does not belong there", truncated(token, 20))
        }
        None => "the query ends too soon".to_owned(),
    }
}

/// The first token that cannot stand where it does, and its place. The parser does not tell it: it is the end of the shortest
/// beginning that nothing completes to a query. A beginning that can be completed has only such beginnings, so it is bisected.
fn unexpected_token(query: &str) -> Option<(usize, &str)> {
    let tokens = tokens(query);
    let place = tokens.partition_point(|(at, token)| can_be_continued(&query[..at + token.len()]));
    tokens.get(place).copied()
}

fn can_be_continued(beginning: &str) -> bool {
    let closing = closing_brackets(beginning);
    // Behind a list of labels, as in `sum by (job)`, belongs what is summed up.
    CONTINUATIONS.iter().cartesian_product(["", " (x)"]).any(|(continuation, rest)| {
        let query = format!("{beginning} {continuation}{closing}{rest}");
        // What the lexer takes and is no query for another reason than its grammar is one so far.
        parser::lexer(&query).is_ok() && parser::parse(&query).map_or_else(|error| error != UNEXPECTED, |_| true)
    })
}

/// The brackets that are open at the end of a text, closed.
fn closing_brackets(text: &str) -> String {
    let mut closing = Vec::new();
    for (_, token) in tokens(text) {
        match token {
            "(" => closing.push(')'),
            "[" => closing.push(']'),
            "{" => closing.push('}'),
            ")" | "]" | "}" => drop(closing.pop()),
            _ => {}
        }
    }
    closing.iter().rev().collect()
}

/// The words, strings and symbols of a query, each with its place.
fn tokens(query: &str) -> Vec<(usize, &str)> {
    let is_of_word = |c: char| c.is_alphanumeric() || "_:.".contains(c);
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = query[at..].chars().next() {
        let rest = &query[at..];
        let length = match c {
            c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
            '"' | '\'' | '`' => string_length(rest, c),
            '=' | '!' | '<' | '>' if rest[1..].starts_with(['=', '~']) => 2,
            c => c.len_utf8(),
        };
        if !c.is_whitespace() {
            tokens.push((at, &rest[..length]));
        }
        at += length;
    }
    tokens
}

/// The length of the string at the beginning of a text, with its quotation marks.
fn string_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == quote && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped && quote != '`';
        is_end
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn error(query: &str) -> String {
        QuerySyntax::parse(query).unwrap_err().0
    }

    #[test]
    fn what_is_no_promql_is_told_with_its_place() {
        for (query, place, token) in [
            ("sum(rate(x[5m])) by job", 21, "'job'"),
            ("up{host=\"a\" job=\"b\"}", 13, "'job'"),
            ("up up", 4, "'up'"),
            ("x == == y", 6, "'=='"),
        ] {
            let error = error(query);
            assert!(error.contains(&format!("from character {place} on: {token}")), "{query}: {error}");
        }
        for unfinished in ["x +", "sum by (a)", "x >"] {
            assert_eq!(error(unfinished), "the query ends too soon", "{unfinished}");
        }
        assert!(error("sum(x").contains("unclosed left parenthesis"), "{}", error("sum(x"));
        assert!(error("rat(x[5m])").contains("no function 'rat'; if it is one of VictoriaMetrics'"));
        assert!(error("rate(x)").contains("expected type"), "{}", error("rate(x)"));
        assert!(error("").starts_with("this is not PromQL: no expression found"), "{}", error(""));
    }

    #[test]
    fn deep_brackets_and_long_chains_are_parsed() {
        for deep in [format!("{}x{}", "(".repeat(4_000), ")".repeat(4_000)), "-".repeat(8_000) + "x", "x+".repeat(4_000) + "x"]
        {
            assert!(QuerySyntax::parse(&deep).is_ok());
        }
    }

    #[test]
    fn what_all_selectors_fix_is_the_same_in_all_series() {
        let fixed = |query: &str| QuerySyntax::parse(query).unwrap().fixed_labels.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(fixed("rate(hits{job=\"web\", code=~\"5..\"}[5m])"), "__name__ job");
        assert_eq!(fixed("a{job=\"web\"} or b{job=\"web\"}"), "job");
        assert_eq!(fixed("a{job=\"web\"} / on (x) a{job=\"db\"}"), "__name__");
        assert_eq!(fixed("{__name__=~\"a|b\"}"), "");
        assert_eq!(fixed("vector(1)"), "");
        let is_range = |query: &str| QuerySyntax::parse(query).unwrap().is_range;
        assert!(is_range("x[5m]") && is_range("x[5m:1m]") && !is_range("rate(x[5m])"));
    }
}
