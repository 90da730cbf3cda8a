//! Compiles a filter's text to a program.

use std::collections::HashSet;

use jaq_core::compile::Undefined;
use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Filter};

use super::meter::{Metered, metering_natives};
use super::natives::natives;
use super::rewrite::{free_variables, literals, metered, metered_def};
use crate::domain::Placeholder;
use crate::sources::text::{did_you_mean, truncated};

/// The longest filter. One that picks what a panel shows is a line or two; parsing one that is nothing but brackets takes a
/// stack as deep as it is long.
const MAX_FILTER_BYTES: usize = 4 * 1024;

/// The definition that the author's filter becomes.
const MAIN: &str = "panel__";

/// jaq's filters that are left out: what reads the environment, ends the program or writes to its log. `input` and `inputs` are not
/// there to begin with.
const EXCLUDED_FILTERS: [&str; 8] =
    ["env", "debug_empty", "stderr_empty", "halt", "debug", "stderr", "halt_error", "$__prog_args"];

/// jaq's filters that ours take the place of.
const REPLACED_FILTERS: [&str; 9] =
    ["getpath", "setpath", "delpaths", "pick", "now", "fromjson", "tojson", "tonumber", "toboolean"];

/// Our definitions, as jq's manual has them.
const DEFINITIONS: &str = include_str!("defs.jq");

/// A compiled filter and the inputs' values it uses.
pub(super) struct Program {
    pub(super) filter: Filter<Metered>,
    pub(super) variables: Vec<Variable>,
    /// The texts that stand in it and in the definitions: as an error's message, they are nothing of the answer.
    pub(super) literals: HashSet<String>,
}

/// A variable of a filter that stands for an input's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// As written: `$city_zone`.
    name: String,
    /// The one it stands for: `city.zone`.
    pub(super) placeholder: Placeholder,
}

impl Variable {
    fn parse(name: &str) -> Option<Self> {
        let placeholder = Placeholder::of_variable(name.strip_prefix('$')?)?;
        Some(Self { name: name.to_owned(), placeholder })
    }
}

/// Compiles a filter. Deeply nested text needs a deep stack: see [`super::filter_thread`].
///
/// # Errors
/// What is wrong with it, where, and what may have been meant.
pub(super) fn compile(text: &str) -> Result<Program, String> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(format!("the filter is longer than {MAX_FILTER_BYTES} bytes"));
    }
    let term = parse(text)?;
    let variables = free_variables(&term)
        .into_iter()
        .map(|name| Variable::parse(name).ok_or_else(|| unknown_variable(name)))
        .collect::<Result<Vec<_>, _>>()?;

    let mut known = literals(&term);
    definitions().for_each(|def| known.extend(literals(&def.body)));
    let main = Def { name: MAIN, args: Vec::new(), body: metered(term) };
    let prelude = definitions().map(|def| -> Def<&str> { metered_def(def) }).chain([main]);
    let arena = Arena::default();
    let modules =
        Loader::new(prelude).load(&arena, File { code: MAIN, path: () }).map_err(|_| "the filter cannot be read".to_owned())?;
    let filter = Compiler::default()
        .with_funs(functions())
        .with_global_vars(variables.iter().map(|variable| variable.name.as_str()))
        .compile(modules)
        .map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
            undefined.map_or_else(|| "the filter cannot be compiled".to_owned(), |error| describe_undefined(&error))
        })?;
    Ok(Program { filter, variables, literals: known })
}

fn parse(text: &str) -> Result<Term<&str>, String> {
    let error = |expected: &str, found: &str| {
        let at = position(text, found);
        match found {
            "" if expected == "token" => "the filter cannot be read: a bracket or a quotation mark is never closed".to_owned(),
            found if expected == "token" => {
                format!("the filter cannot be read at character {at}: a '{}' does not belong there", truncated(found, 20))
            }
            "" => format!("the filter ends too soon: after its last character belongs a {expected}"),
            found => {
                format!("the filter cannot be read at character {at}: expected {expected}, found '{}'", truncated(found, 20))
            }
        }
    };
    let first = |errors: Vec<String>| errors.into_iter().next().unwrap_or_else(|| "the filter cannot be read".to_owned());
    let tokens = Lexer::new(text)
        .lex()
        .map_err(|errors| first(errors.iter().map(|(expected, found)| error(expected.as_str(), found)).collect()))?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        first(errors.iter().map(|(expected, found)| error(expected.as_str(), found.map_or("", |token| token.0))).collect())
    })
}

/// The character of `text` at which its slice `found` begins, counted from 1.
fn position(text: &str, found: &str) -> usize {
    let offset = found.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    text.get(..offset).map_or(text.chars().count(), |before| before.chars().count()) + 1
}

fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let theirs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    // The later of two of one name is the one that counts.
    theirs.filter(|def| is_kept(def.name)).chain(load::parse(DEFINITIONS, |parser| parser.defs()).unwrap_or_default())
}

fn functions() -> impl Iterator<Item = Fun<Metered>> {
    let theirs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    theirs.filter(|(name, ..)| is_kept(name)).chain(metering_natives()).chain(natives())
}

fn is_kept(name: &str) -> bool {
    !EXCLUDED_FILTERS.contains(&name) && !REPLACED_FILTERS.contains(&name)
}

fn unknown_variable(name: &str) -> String {
    format!("there is no variable {name}; a chosen value is $city, and its option's field zone is $city_zone")
}

fn describe_undefined((name, what): &(&str, Undefined)) -> String {
    let Undefined::Filter(arity) = what else {
        return format!("there is no {} {name} there", what.as_str());
    };
    if EXCLUDED_FILTERS.contains(name) || matches!(*name, "input" | "inputs") {
        return format!("the filter '{name}' of jq is left out here, since a panel's filter only looks at the answer");
    }
    let known: Vec<&str> = definitions()
        .map(|def| def.name)
        .chain(functions().map(|(name, ..)| name))
        .filter(|name| !name.contains('!'))
        .collect();
    if known.contains(name) {
        return format!("there is a filter '{name}', but none that takes {arity} arguments");
    }
    format!("there is no filter '{name}'{}", did_you_mean(name, known))
}
