//! The source kind `command`: a program that the admin names, and a jq filter that picks from what it writes what a panel shows.
//!
//! The program and the number of its arguments come from the settings; a visitor's value is part of one argument, never an option,
//! and no shell reads it ([`argv`]). The [`launcher`] gives it an environment of its own. Queries of the same arguments share one
//! run. A run has a limit of time and of what it writes, and with it ends all that it has started ([`process`], [`stragglers`]). One
//! that runs on is a [`stream`] of lines. So many run at a time ([`places`]).

mod argv;
mod launcher;
mod output;
mod places;
mod process;
mod settings;
mod stragglers;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use itertools::Itertools;
use tokio::sync::watch;

use self::argv::ArgumentTemplates;
use self::launcher::Launcher;
use self::output::{read_first_line, read_output, require_success};
use self::places::RunPlaces;
use self::settings::CommandSettings;
use self::stream::LineStreams;
use super::filter_workers::FilterWorkers;
use super::format::DocumentFormat;
use super::jq::JqFilters;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{DocumentRequest, DocumentSource, QueryError, ReadingStream, Source, SourceDocument, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading};

/// The kind `command`.
pub(super) const KIND: SourceKind =
    SourceKind::Named { word: "command", sample: "jobs", about: "a program that is run", read, rows: CommandSettings::rows };

/// A source of kind `command`.
struct CommandSource {
    launcher: Arc<Launcher>,
    arguments: ArgumentTemplates,
    format: DocumentFormat,
    filters: Arc<JqFilters>,
    /// The lines of those that run on, where it is one that does.
    streams: Option<LineStreams>,
    rate: u32,
    places: Arc<RunPlaces>,
    clock: Arc<dyn Clock>,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let settings = CommandSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(settings?))
}

impl SourceSettings for CommandSettings {
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        let launcher = Arc::new(Launcher::new(self));
        let places = Arc::new(RunPlaces::new(self.at_a_time));
        let streams = self.stream.then(|| LineStreams::new(&launcher, self.format, &places, clock));
        Ok(Box::new(CommandSource {
            filters: Arc::new(JqFilters::new(launcher.name.clone(), self.max_bytes, clock, filters)),
            launcher,
            arguments: self.program.arguments.clone(),
            format: self.format,
            streams,
            rate: self.rate,
            places,
            clock: Arc::clone(clock),
        }))
    }
}

#[async_trait]
impl Source for CommandSource {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let of_filter = self.filters.placeholders(query)?;
        Ok(self.arguments.placeholders().cloned().chain(of_filter).unique().collect())
    }

    fn rate(&self) -> Option<u32> {
        Some(self.rate)
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let document = match &self.streams {
            Some(streams) => streams.first_line(self.arguments.bind(&query.bindings)?).await?,
            None => self.fetch(&self.request(query)?).await?,
        };
        self.pick(query, &document, &Holder::Program).await
    }

    fn documents(&self) -> Option<&dyn DocumentSource> {
        if self.streams.is_some() { None } else { Some(self) }
    }

    fn subscribe(&self, query: &BoundQuery, holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        // A value that cannot be bound is told by `execute`.
        let arguments = self.arguments.bind(&query.bindings).ok()?;
        Some(self.streams.as_ref()?.readings(arguments, query, &self.filters, holder))
    }
}

#[async_trait]
impl DocumentSource for CommandSource {
    fn request(&self, query: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        let arguments = self.arguments.bind(&query.bindings)?;
        serde_json::to_string(&arguments).map(DocumentRequest::new).map_err(|error| QueryError(error.to_string()))
    }

    async fn fetch(&self, request: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let arguments: Vec<String> =
            serde_json::from_str(request.as_str()).map_err(|error| SourceError::Broken(error.to_string()))?;
        let Launcher { name, timeout, .. } = &*self.launcher;
        let place = self.places.enter(false, &*self.clock, *timeout, name).await?;
        let mut process = self.launcher.start(&arguments, place)?;
        let pipes = process.take_pipes();
        let run = async {
            let (stdout, stderr) = pipes.ok_or_else(|| SourceError::Broken(format!("{name} has no output")))?;
            // What outlives the program may hold its pipes open.
            let ended = process.end();
            let said = async { Ok(read_first_line(stderr).await) };
            let (output, said, status) = tokio::try_join!(read_output(&self.launcher, stdout), said, ended)?;
            require_success(&self.launcher, status, &said)?;
            self.format.document(output, name)
        };
        let ended = tokio::select! {
            result = run => Some(result),
            () = self.clock.sleep(*timeout) => None,
        };
        let is_killed = process.kill_all().await;
        ended.unwrap_or_else(|| {
            let end = if is_killed { "was killed" } else { "cannot be killed, as it runs as another user" };
            Err(SourceError::TimedOut(format!("{name} did not end within {timeout:?}, and {end}")))
        })
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        self.filters.pick(query, document, holder).await
    }
}

#[cfg(test)]
mod tests;
