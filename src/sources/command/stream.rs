use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::launcher::Launcher;
use super::output::{read_first_line, require_success, too_large};
use super::places::RunPlaces;
use crate::domain::{BoundQuery, Clock, Holder, Timestamp};
use crate::sources::format::DocumentFormat;
use crate::sources::jq::JqFilters;
use crate::sources::{ReadingStream, SourceDocument, SourceError, StreamedReading};

/// The wait before a program that has ended is started again: longer each time that it ends soon.
const FIRST_RESTART: Duration = Duration::from_secs(1);
const LAST_RESTART: Duration = Duration::from_mins(1);

/// The programs of a source that run on, one for all who watch the same arguments.
pub(super) struct LineStreams {
    starter: Arc<LineStarter>,
    running: Mutex<HashMap<Vec<String>, Weak<LineStream>>>,
}

/// What a stream of lines is started with.
struct LineStarter {
    launcher: Arc<Launcher>,
    format: DocumentFormat,
    places: Arc<RunPlaces>,
    clock: Arc<dyn Clock>,
}

/// A program that runs for as long as somebody watches what it writes.
struct LineStream {
    lines: watch::Receiver<Option<Line>>,
    /// Whether nobody but strangers has asked for it, who have fewer places.
    is_strangers: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
}

/// A stream, its lines, and the query that is picked from them, for the holder of the time.
type WatchedLines = (Arc<LineStream>, watch::Receiver<Option<Line>>, BoundQuery, Arc<JqFilters>, watch::Receiver<Holder>);

/// The last line of a program as a document, or why there is no newer one.
#[derive(Clone)]
struct Line {
    at: Timestamp,
    document: Result<SourceDocument, SourceError>,
}

impl LineStreams {
    pub(super) fn new(
        launcher: &Arc<Launcher>,
        format: DocumentFormat,
        places: &Arc<RunPlaces>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let (launcher, places, clock) = (Arc::clone(launcher), Arc::clone(places), Arc::clone(clock));
        Self { starter: Arc::new(LineStarter { launcher, format, places, clock }), running: Mutex::default() }
    }

    /// The last line that the program with these arguments has written, or else its first.
    pub(super) async fn first_line(&self, arguments: Vec<String>) -> Result<SourceDocument, SourceError> {
        let Launcher { name, timeout, .. } = &*self.starter.launcher;
        let stream = self.stream(arguments, false);
        let mut lines = stream.lines.clone();
        let first = async { lines.wait_for(Option::is_some).await.ok().and_then(|line| line.clone()) };
        tokio::select! {
            line = first => match line {
                Some(line) => line.document,
                None => Err(SourceError::Broken(format!("{name} cannot be watched"))),
            },
            () = self.starter.clock.sleep(*timeout) => {
                Err(SourceError::TimedOut(format!("{name} wrote no line within {timeout:?}")))
            }
        }
    }

    /// The readings that a query makes of the lines of the program with these arguments.
    pub(super) fn readings(
        &self,
        arguments: Vec<String>,
        query: &BoundQuery,
        filters: &Arc<JqFilters>,
        holder: &watch::Receiver<Holder>,
    ) -> ReadingStream {
        let is_strangers = matches!(*holder.borrow(), Holder::Stranger(_));
        let stream = self.stream(arguments, is_strangers);
        let mut lines = stream.lines.clone();
        // Also that which is there already is new to this query.
        lines.mark_changed();
        let (query, filters, holder) = (query.clone(), Arc::clone(filters), holder.clone());
        let watched = (stream, lines, query, filters, holder);
        let next = async |mut watched: WatchedLines| {
            let (_, lines, query, filters, holder) = &mut watched;
            let Line { at, document } = loop {
                lines.changed().await.ok()?;
                if let Some(line) = lines.borrow_and_update().clone() {
                    break line;
                }
            };
            let holder = holder.borrow().clone();
            let result = match document {
                Ok(document) => filters.pick(query, &document, &holder).await,
                Err(error) => Err(error),
            };
            Some((StreamedReading { taken_at: at, result }, watched))
        };
        futures::stream::unfold(watched, next).boxed()
    }

    fn stream(&self, arguments: Vec<String>, is_strangers: bool) -> Arc<LineStream> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = running.get(&arguments).and_then(Weak::upgrade) {
            stream.is_strangers.fetch_and(is_strangers, Ordering::Relaxed);
            return stream;
        }
        running.retain(|_, stream| stream.strong_count() > 0);
        let (sender, lines) = watch::channel(None);
        let (starter, of_task) = (Arc::clone(&self.starter), arguments.clone());
        let is_strangers = Arc::new(AtomicBool::new(is_strangers));
        let strangers_flag = Arc::clone(&is_strangers);
        let task = tokio::spawn(async move { starter.run_again_and_again(&of_task, &strangers_flag, &sender).await });
        let stream = Arc::new(LineStream { lines, is_strangers, _task: AbortOnDropHandle::new(task) });
        running.insert(arguments, Arc::downgrade(&stream));
        stream
    }
}

impl LineStarter {
    /// Runs the program, and again when it has ended.
    async fn run_again_and_again(&self, arguments: &[String], is_strangers: &AtomicBool, lines: &watch::Sender<Option<Line>>) {
        let mut wait = FIRST_RESTART;
        loop {
            let began = self.clock.now();
            let result = self.run(arguments, is_strangers.load(Ordering::Relaxed), lines).await;
            let now = self.clock.now();
            let error = result.err().unwrap_or_else(|| SourceError::Unreachable(format!("{} has ended", self.launcher.name)));
            let had_no_place = matches!(error, SourceError::OverLimits(_));
            lines.send_replace(Some(Line { at: now, document: Err(error) }));
            wait = if had_no_place || now.since(began) >= LAST_RESTART { FIRST_RESTART } else { wait };
            self.clock.sleep(wait).await;
            wait = (wait * 2).min(LAST_RESTART);
        }
    }

    async fn run(
        &self,
        arguments: &[String],
        is_strangers: bool,
        lines: &watch::Sender<Option<Line>>,
    ) -> Result<(), SourceError> {
        let Launcher { name, timeout, .. } = &*self.launcher;
        // Whoever waits for the first line is still there to be told that there is no place.
        let place = self.places.enter(is_strangers, &*self.clock, *timeout / 2, name).await?;
        let mut process = self.launcher.start(arguments, place)?;
        let pipes = process.take_pipes();
        let result = async {
            let (stdout, stderr) = pipes.ok_or_else(|| SourceError::Broken("the program has no output".to_owned()))?;
            let ended = process.end();
            let said = async { Ok(read_first_line(stderr).await) };
            let ((), said, status) = tokio::try_join!(self.read_lines(stdout, lines), said, ended)?;
            require_success(&self.launcher, status, &said)
        }
        .await;
        process.kill_all().await;
        result
    }

    async fn read_lines(&self, stdout: ChildStdout, lines: &watch::Sender<Option<Line>>) -> Result<(), SourceError> {
        let max_bytes = self.launcher.max_bytes;
        let mut stdout = BufReader::new(stdout);
        loop {
            let mut line = Vec::new();
            // One byte more tells a line that is too long from one that just fits.
            let mut bounded = (&mut stdout).take(u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1));
            let read = bounded.read_until(b'\n', &mut line).await;
            match read.map_err(|error| SourceError::Broken(format!("what the program writes cannot be read: {error}")))? {
                0 => return Ok(()),
                count if count > max_bytes => return Err(too_large(&self.launcher)),
                // The program has ended in the middle of it: what is missing may be the rest of a number.
                _ if !line.ends_with(b"\n") => return Ok(()),
                _ if line.trim_ascii().is_empty() => (),
                _ => {
                    let document = self.format.document(line, &self.launcher.name);
                    lines.send_replace(Some(Line { at: self.clock.now(), document }));
                }
            }
        }
    }
}
