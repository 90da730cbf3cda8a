//! Data sources: the machine itself, the clock, a URL, Prometheus, databases, a program, what programs push, whether hosts are up.
//!
//! A source answers one query with one typed [`Reading`](crate::domain::Reading), or with the reason why it cannot. Values
//! that visitors chose are bound in the source's own safe way, never spliced into a query. Nothing here repeats a query or
//! keeps readings: that is a feed's work.
//!
//! A kind of source is a file (or a folder) of this room: it reads its own table of `Rocket.toml`, opens the source, checks
//! queries and answers them. Its line in `kinds.rs` makes it known. `http_client`, `format`, `jq` and
//! `filter_workers` are there for all kinds.

mod argument;
mod clock;
mod command;
mod document;
mod error;
mod file;
mod filter_workers;
mod format;
mod host;
mod http;
mod http_client;
mod jq;
mod json_rows;
mod kind;
mod kinds;
mod probe;
mod prometheus;
mod push;
mod registry;
mod settings;
mod source;
mod sql;
mod text;

pub use self::document::{DocumentRequest, DocumentSource, SourceDocument};
pub use self::error::{QueryError, SourceError};
pub use self::filter_workers::{FilterWorkers, WORKER_COMMAND};
pub use self::jq::serve_filters;
pub use self::push::{PushEndpoint, PushEndpoints, PushError, PushInbox, PushTurn};
pub use self::registry::{SourceOpenError, Sources};
pub use self::settings::{NamedSources, read_settings, reference};
pub use self::source::{ReadingStream, Source, StreamedReading};
