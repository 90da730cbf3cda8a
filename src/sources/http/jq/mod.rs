//! The filter that picks from an answer what a panel shows: jq's language, through `jaq`.
//!
//! Only the authors of pages write filters, and a mistake stays where it was made. A filter reads nothing but the
//! answer and the inputs' values, which are variables: `$city`, and `$city_zone` for the field `zone` of the chosen
//! option; only the first `_` is that dot, and `__` before it stands for an underscore in the input's name. Left out are the
//! environment, further inputs, modules, `halt`, the log, and paths of any length (`getpath`, `setpath`, `delpaths`, `pick`).
//!
//! A filter runs on a thread of its own, with a deep stack and a budget of steps, time, depth and size ([`meter`]).

mod compile;
mod meter;
mod rewrite;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use indexmap::IndexMap;
use jaq_core::{Ctx, Vars};
use jaq_json::Val;
use tokio::sync::{Semaphore, oneshot};

use self::compile::{Program, compile};
use self::meter::{Halt, MAX_RUN_TIME, Metered, RunBudget, RunData, STACK_BYTES, to_bounded_string};
use super::mapping::{self, MAX_ENTRIES};
use crate::domain::{Bindings, Placeholder, Reading, Timestamp};
use crate::sources::http_client::parse_json;
use crate::sources::text::truncated;
use crate::sources::{QueryError, SourceError};

/// The number of compiled filters cached for one source. Every panel has one; beyond this the oldest is compiled anew.
const MAX_FILTERS: usize = 256;

/// How long past its time limit a run is waited for, for the step it is in to end.
const GRACE: Duration = Duration::from_secs(1);

/// Bytes of jq's own error message, which holds the values it is about.
const MAX_JQ_ERROR_BYTES: usize = 1024 * 1024;

/// Characters of a filter's own error message.
const MAX_MESSAGE_CHARS: usize = 160;

/// The compiled filters of one source, by their text.
pub(super) struct FilterCache {
    compiled: Mutex<IndexMap<String, Arc<JqFilter>>>,
}

/// A compiled filter.
pub(super) struct JqFilter {
    program: Program,
    /// Allows one run at a time: one that cannot be stopped keeps its permit, so that it is not started over and over.
    run_permit: Arc<Semaphore>,
}

impl FilterCache {
    pub(super) fn new() -> Self {
        Self { compiled: Mutex::new(IndexMap::new()) }
    }

    /// The filter of this text, compiled if it is not cached.
    ///
    /// # Errors
    /// What is wrong with it, for the author.
    pub(super) fn get(&self, text: &str) -> Result<Arc<JqFilter>, QueryError> {
        let compiled = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = compiled().get(text) {
            return Ok(Arc::clone(filter));
        }
        let program = thread::scope(|scope| {
            let compiling = filter_thread().spawn_scoped(scope, || compile(text)).map_err(thread_error)?;
            compiling.join().map_err(|_| "the filter cannot be compiled".to_owned())?
        });
        let program = program.map_err(QueryError)?;
        let filter = Arc::new(JqFilter { program, run_permit: Arc::new(Semaphore::new(1)) });
        let mut compiled = compiled();
        if compiled.len() >= MAX_FILTERS {
            compiled.shift_remove_index(0);
        }
        compiled.insert(text.to_owned(), Arc::clone(&filter));
        Ok(filter)
    }
}

impl JqFilter {
    /// The placeholders its variables stand for, each once.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.program.variables.iter().map(|variable| &variable.placeholder)
    }

    /// Runs it on the answer of `host`.
    ///
    /// # Errors
    /// In words that name the host, and repeat nothing of the answer.
    pub(super) async fn run(
        self: Arc<Self>,
        host: String,
        body: Vec<u8>,
        bindings: Bindings,
        now: Timestamp,
    ) -> Result<Reading, SourceError> {
        let timeout = MAX_RUN_TIME + GRACE;
        let permit = tokio::time::timeout(timeout, Arc::clone(&self.run_permit).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(SourceError::OverLimits(
                "the filter is still busy with an earlier answer; let it pick less".to_owned(),
            ));
        };
        let (sender, result) = oneshot::channel();
        let run = move || {
            let result = self.run_blocking(&host, &body, &bindings, now);
            drop(permit);
            // Whoever asked may have given up.
            let _ = sender.send(result);
        };
        filter_thread().spawn(run).map_err(|error| SourceError::Broken(thread_error(error)))?;
        match tokio::time::timeout(timeout, result).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(_)) => Err(SourceError::Broken("the filter broke off".to_owned())),
            Err(_) => Err(Halt::error(Halt::Time as i32)),
        }
    }

    fn run_blocking(&self, host: &str, body: &[u8], bindings: &Bindings, now: Timestamp) -> Result<Reading, SourceError> {
        let answer: Val = parse_json(host, body)?;
        let values = self.program.variables.iter().map(|variable| {
            let placeholder = &variable.placeholder;
            let value = placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?;
            Ok(Val::from(value.to_owned()))
        });
        let values = values.collect::<Result<Vec<_>, QueryError>>()?;
        let budget = RunBudget::start(unix_seconds(now));
        let data = RunData { lut: &self.program.filter.lut, budget: &budget };
        let context = Ctx::<Metered>::new(data, Vars::new(values));
        let mut results = Vec::new();
        for result in self.program.filter.id.run((context, answer)) {
            let result = result.map_err(|exception| match exception.get_err() {
                Ok(error) => SourceError::BadAnswer(to_bounded_string(&error, MAX_JQ_ERROR_BYTES).map_or_else(
                    || "the filter failed on a value too large to name".to_owned(),
                    |message| describe_jq_error(&message),
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
}

fn unix_seconds(now: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era are far below 2^53")]
    let millis = now.as_millis() as f64;
    millis / 1000.0
}

/// The error message for one of jq's, with the kinds of the values it is about in place of the values: those belong to
/// whoever may see the whole answer.
fn describe_jq_error(message: &str) -> String {
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
    } else if let Ok(own_message) = serde_json::from_str::<String>(message) {
        // The author's own `error("…")`, or a message of a native filter.
        truncated(&own_message, MAX_MESSAGE_CHARS)
    } else {
        return format!("the filter failed with {}", kind(message, false));
    };
    format!("the filter failed: {what}")
}

/// The builder of a thread with a stack deep enough for nested filters and values. It is not one of the runtime's: a run that
/// cannot be stopped must not take one of those away.
fn filter_thread() -> thread::Builder {
    thread::Builder::new().name("filter".to_owned()).stack_size(STACK_BYTES)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn thread_error(error: std::io::Error) -> String {
    format!("the filter cannot be run: {error}")
}

#[cfg(test)]
mod tests;
