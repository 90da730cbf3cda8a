//! The filter that picks from an answer what a panel shows: jq's language, through `jaq`.
//!
//! Only the authors of pages write filters, and a mistake stays where it was made. A filter reads nothing but the
//! answer and the inputs' values, which are variables: `$city`, and `$city_zone` for the field `zone` of the chosen
//! option; only the first `_` is that dot, and `__` before it stands for an underscore in the input's name. Left out are the
//! environment, further inputs, modules, `halt` and the log. Where jaq is not jq, `defs.jq` and [`natives`] supply what jq's manual
//! says; [`answer`] reads what is all but JSON.
//!
//! A filter runs in a worker ([`FilterWorkers`](crate::sources::FilterWorkers), [`worker`]), a process whose memory is limited, on a
//! thread with a deep stack and a budget of steps, time, depth and size ([`meter`]).

mod answer;
mod compile;
mod memory_limit;
mod meter;
mod natives;
mod rewrite;
mod run;
mod text;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use indexmap::IndexMap;

use self::compile::{Variable, compile};
use self::meter::STACK_BYTES;
pub use self::worker::serve_filters;
#[cfg(test)]
pub(in crate::sources) use self::worker::{serve_on_threads, serve_without_limit};
use crate::domain::Placeholder;
use crate::sources::QueryError;

/// The number of checked filters cached for one source. Every panel has one; beyond this the oldest is checked anew.
const MAX_FILTERS: usize = 256;

/// The checked filters of one source, by their text.
pub(super) struct FilterCache {
    checked: Mutex<IndexMap<String, Arc<[Variable]>>>,
}

impl FilterCache {
    pub(super) fn new() -> Self {
        Self { checked: Mutex::new(IndexMap::new()) }
    }

    /// The placeholders that the variables of the filter of this text stand for, each once.
    ///
    /// # Errors
    /// What is wrong with it, for the author.
    pub(super) fn placeholders(&self, text: &str) -> Result<Vec<Placeholder>, QueryError> {
        let variables = self.variables(text)?;
        Ok(variables.iter().map(|variable| variable.placeholder.clone()).collect())
    }

    fn variables(&self, text: &str) -> Result<Arc<[Variable]>, QueryError> {
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(variables) = checked().get(text) {
            return Ok(Arc::clone(variables));
        }
        let variables = thread::scope(|scope| {
            let compile = || compile(text).map(|program| program.variables);
            let compiling = filter_thread().spawn_scoped(scope, compile).map_err(thread_error)?;
            compiling.join().map_err(|_| "the filter cannot be compiled".to_owned())?
        });
        let variables: Arc<[Variable]> = variables.map_err(QueryError)?.into();
        let mut checked = checked();
        if checked.len() >= MAX_FILTERS {
            checked.shift_remove_index(0);
        }
        checked.insert(text.to_owned(), Arc::clone(&variables));
        Ok(variables)
    }
}

/// The builder of a thread with a stack deep enough for nested filters and values.
fn filter_thread() -> thread::Builder {
    thread::Builder::new().name("filter".to_owned()).stack_size(STACK_BYTES)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn thread_error(error: std::io::Error) -> String {
    format!("the filter cannot be run: {error}")
}

#[cfg(test)]
mod tests;
