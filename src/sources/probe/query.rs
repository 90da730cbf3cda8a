use crate::domain::{Bindings, Placeholder};
use crate::sources::QueryError;
use crate::sources::argument::{Argument, find_named};
use crate::sources::text::did_you_mean;

/// The word for all targets.
const ALL: &str = "*";

/// The figures by name, in the order error messages list them.
const FIGURES: [(&str, ProbeFigure); 2] = [("latency", ProbeFigure::Latency), ("certificate", ProbeFigure::Certificate)];

/// What is shown of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeFigure {
    /// Whether they are up, and why not.
    State,
    /// How long they took to answer, in milliseconds.
    Latency,
    /// How many days their certificates are still valid.
    Certificate,
}

/// The targets of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    All,
    One(String),
}

/// A query: a target's name, `*` or a placeholder for either, and perhaps a figure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbeQuery {
    targets: Argument<Targets>,
    pub(super) figure: ProbeFigure,
}

impl ProbeQuery {
    /// Parses a query to a source with these targets.
    ///
    /// # Errors
    /// What is wrong with it, and what may have been meant.
    pub(super) fn parse<'a>(query: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<Self, QueryError> {
        let words: Vec<&str> = query.split_whitespace().collect();
        let (targets, figure) = match words.as_slice() {
            [targets] => (targets, ProbeFigure::State),
            [targets, figure] => (targets, find_named("probe", "tells", figure, &FIGURES)?),
            _ => {
                let why = "a query of a probe is a target's name or *, and perhaps latency or certificate behind it";
                return Err(QueryError(why.to_owned()));
            }
        };
        let mixed = || format!("'{targets}' mixes text and placeholders; a target is one name, *, or one placeholder for it");
        Ok(Self { targets: Argument::parse(targets, |word| Targets::find(word, names), mixed)?, figure })
    }

    /// The targets, by these values.
    ///
    /// # Errors
    /// That there is no such target.
    pub(super) fn bind<'a>(
        &self,
        bindings: &Bindings,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Targets, QueryError> {
        self.targets.bind(bindings, |word| Targets::find(word, names))
    }

    /// The placeholder, if there is one.
    pub(super) fn into_placeholders(self) -> Vec<Placeholder> {
        self.targets.into_placeholders()
    }
}

impl Targets {
    fn find<'a>(word: &str, mut names: impl Iterator<Item = &'a str> + Clone) -> Result<Self, QueryError> {
        if word == ALL {
            return Ok(Self::All);
        }
        let known = names.clone();
        if names.any(|name| name == word) {
            return Ok(Self::One(word.to_owned()));
        }
        let hint = did_you_mean(word, known.clone());
        let known = known.collect::<Vec<_>>().join(", ");
        Err(QueryError(format!("there is no target '{word}'{hint} (there is {known})")))
    }
}
