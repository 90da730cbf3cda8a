//! The filter that picks from a document what a panel shows: jq's language, through `jaq`. [`JqFilters`] has those of one source,
//! of whatever kind; [`mapping`] defines how a filter's result becomes a reading.
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
mod filters;
mod mapping;
mod memory_limit;
mod meter;
mod natives;
mod rewrite;
mod run;
mod text;
mod worker;

use std::thread;

pub(super) use self::filters::JqFilters;
use self::meter::STACK_BYTES;
pub use self::worker::serve_filters;
#[cfg(test)]
pub(in crate::sources) use self::worker::{serve_on_threads, serve_without_limit};

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
