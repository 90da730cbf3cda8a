use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::buffer::{SampleBuffer, SamplesBySeries};
use super::chunk::{CHUNKS_TO_MERGE, HIGHEST_LEVEL, MergedChunks, NewChunk, merge};
use super::codec::{ChunkError, decode};
use super::downsampler::Downsampler;
use super::postgres::PostgresHistory;
use super::series_id::SeriesId;
use super::sqlite::SqliteHistory;
use super::store::{ChunkRow, HistoryStore};
use super::writers::{SeriesWriter, Writers};
use crate::config::HistorySettings;
use crate::domain::{BoundQuery, Clock, LabelledNumber, Series, TimeRange, Timestamp};
use crate::store::{PostgresDatabase, StoreError};

/// How often samples are written: a process that is killed loses those since.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// How often chunks are merged and deleted.
const UPKEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long a series without samples is remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(48);

/// How many ranges are read at a time: each takes some of the processors and the disk, and a long one some seconds.
const READS_AT_ONCE: usize = 4;

/// The archive of all series. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct HistoryArchive {
    inner: Arc<ArchiveInner>,
}

struct ArchiveInner {
    /// `None` where it cannot be opened: nothing is kept then.
    store: Option<Box<dyn HistoryStore>>,
    max_bytes: u64,
    clock: Arc<dyn Clock>,
    writers: Arc<Writers>,
    buffer: Mutex<SampleBuffer>,
    /// One at a time.
    flushing: tokio::sync::Mutex<()>,
    /// The places of reads under way.
    reading: Semaphore,
    trouble: Mutex<Option<StoreError>>,
}

impl HistoryArchive {
    /// The archive in the SQLite file `path`. One that cannot be opened keeps nothing, and says so: no board stops for it.
    pub async fn open(path: &Path, settings: &HistorySettings, clock: Arc<dyn Clock>) -> Self {
        Self::of(SqliteHistory::open(path).await, settings, clock)
    }

    /// The archive in a PostgreSQL database.
    pub async fn open_postgres(database: &PostgresDatabase, settings: &HistorySettings, clock: Arc<dyn Clock>) -> Self {
        Self::of(PostgresHistory::open(database).await, settings, clock)
    }

    fn of(store: Result<impl HistoryStore + 'static, StoreError>, settings: &HistorySettings, clock: Arc<dyn Clock>) -> Self {
        let (store, trouble): (Option<Box<dyn HistoryStore>>, _) = match store {
            Ok(store) => (Some(Box::new(store)), None),
            Err(error) => {
                tracing::error!(%error, "charts begin without their past, and nothing of it is kept until the next start");
                (None, Some(error))
            }
        };
        let inner = ArchiveInner {
            store,
            max_bytes: u64::try_from(settings.max_size).unwrap_or(u64::MAX),
            clock,
            writers: Arc::default(),
            buffer: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            reading: Semaphore::new(READS_AT_ONCE),
            trouble: Mutex::new(trouble),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Has what `query` is answered `every` so often kept for as long.
    pub fn register(&self, query: &BoundQuery, every: Duration, keep: Duration) -> SeriesWriter {
        self.inner.writers.register(query, every, keep)
    }

    /// Whether samples that are `every` apart are kept of a series.
    pub fn takes(&self, series: SeriesId, every: Duration) -> bool {
        self.inner.store.is_some() && self.inner.writers.takes(series, every)
    }

    /// Records a sample, whose labels are distinct; without numbers it is a gap. `interval` is how far apart samples are where none
    /// is missing, and zero where nobody can tell.
    pub fn record(&self, series: SeriesId, at: Timestamp, interval: Duration, numbers: &[LabelledNumber]) {
        let is_dropped = lock(&self.inner.buffer).push(series, at, interval, numbers);
        log_dropped(is_dropped);
    }

    /// The points of a series within a range, down-sampled so that none is much nearer to the next than the range's step; `None`
    /// where there are none, or they cannot be read. Whoever cannot wait for a store that hangs goes on without.
    pub async fn read(&self, series: SeriesId, range: TimeRange) -> Option<Series> {
        match self.inner.read(series, range).await {
            Ok(points) => points,
            Err(error) => {
                self.inner.failed(&error);
                None
            }
        }
    }

    /// Why the archive cannot be used now, for administrators.
    pub fn trouble(&self) -> Option<StoreError> {
        lock(&self.inner.trouble).clone()
    }

    /// Writes the samples again and again.
    pub async fn run(&self) {
        loop {
            self.inner.clock.sleep(FLUSH_INTERVAL).await;
            self.flush().await;
        }
    }

    /// Merges small chunks, and deletes those that are too old or too many, again and again: for one process at a time.
    pub async fn run_upkeep(&self) {
        loop {
            self.tidy().await;
            self.inner.clock.sleep(UPKEEP_INTERVAL).await;
        }
    }

    /// Merges small chunks, and deletes those that are too old or too many, once.
    pub async fn tidy(&self) {
        if let Err(error) = self.inner.tidy().await {
            self.inner.failed(&error);
        }
    }

    /// Writes the samples that wait.
    pub async fn flush(&self) {
        match self.inner.flush().await {
            Ok(true) => self.inner.succeeded(),
            Ok(false) => (),
            Err(error) => self.inner.failed(&error),
        }
    }

    /// Writes what waits, and closes the store.
    pub async fn close(&self) {
        self.flush().await;
        if let Some(store) = &self.inner.store {
            store.close().await;
        }
    }
}

impl ArchiveInner {
    /// Writes the samples that wait; returns whether there were some.
    async fn flush(&self) -> Result<bool, StoreError> {
        let Some(store) = &self.store else { return Ok(false) };
        let _exclusive = self.flushing.lock().await;
        let samples = lock(&self.buffer).begin_write();
        if samples.is_empty() {
            return Ok(false);
        }
        let now = self.clock.now();
        let series: BTreeSet<SeriesId> = samples.keys().map(|(series, _)| *series).collect();
        let rows = self.writers.to_note(series.into_iter(), now);
        let chunks = blocking(move || chunks_of(&samples)).await;
        let written = store.append(&rows, &chunks, now).await;
        if written.is_ok() {
            lock(&self.buffer).written();
            self.writers.noted(&rows, now);
        } else {
            let is_dropped = lock(&self.buffer).put_back();
            log_dropped(is_dropped);
        }
        written.map(|()| true)
    }

    async fn read(&self, series: SeriesId, range: TimeRange) -> Result<Option<Series>, StoreError> {
        let Some(store) = &self.store else { return Ok(None) };
        let _permit = self.reading.acquire().await;
        // Before the chunks, so that what is written meanwhile is not missed; what is read twice is one point.
        let waiting = lock(&self.buffer).of(series);
        let mut points = Downsampler::new(range.from(), range.to(), range.step().unwrap_or_default());
        let mut cursor = None;
        loop {
            let rows = store.chunks(series, range.from(), range.to(), cursor).await?;
            let Some(last) = rows.last() else { break };
            cursor = Some(last.cursor());
            let damaged;
            (points, damaged) = blocking(move || add_chunks(points, &rows)).await;
            log_damaged(damaged);
        }
        let finish = move || {
            for samples in &waiting {
                points.add(samples);
            }
            points.finish()
        };
        Ok(blocking(finish).await)
    }

    /// Deletes what is too old and what is too much, and merges.
    async fn tidy(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let now = self.clock.now();
        while store.delete_expired(now).await? > 0 {}
        store.delete_forgotten(now - FORGOTTEN_AFTER).await?;
        self.delete_surplus(&**store).await?;
        for (level, chunks) in (0..HIGHEST_LEVEL).zip(CHUNKS_TO_MERGE) {
            for series in store.series_to_merge(level, chunks).await? {
                merge_level(&**store, series, level).await?;
            }
        }
        Ok(())
    }

    /// Deletes the oldest chunks of all, as long as they have too many bytes together.
    async fn delete_surplus(&self, store: &dyn HistoryStore) -> Result<(), StoreError> {
        let mut surplus = store.bytes().await?.saturating_sub(self.max_bytes);
        while surplus > 0 {
            let mut ids = Vec::new();
            for (id, bytes) in store.oldest().await? {
                if surplus == 0 {
                    break;
                }
                ids.push(id);
                surplus = surplus.saturating_sub(u64::try_from(bytes).unwrap_or_default());
            }
            if ids.is_empty() || !store.replace(&ids, &[]).await? {
                break;
            }
        }
        Ok(())
    }

    fn succeeded(&self) {
        if lock(&self.trouble).take().is_some() {
            tracing::info!("the history is written again");
        }
    }

    fn failed(&self, error: &StoreError) {
        let before = lock(&self.trouble).replace(error.clone());
        if before.is_none() {
            tracing::error!(%error, "the history cannot be used: boards go on, and charts may lack some of their past");
        }
    }
}

/// The chunks of the lowest level that hold these samples.
fn chunks_of(samples: &SamplesBySeries) -> Vec<NewChunk> {
    samples.iter().filter_map(|((series, _), samples)| NewChunk::of(*series, 0, samples).ok().flatten()).collect()
}

/// Merges the chunks of one level of a series.
async fn merge_level(store: &dyn HistoryStore, series: SeriesId, level: i64) -> Result<(), StoreError> {
    let rows = store.chunks_of_level(series, level).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let merged = blocking(move || merge(series, level, &rows.into_iter().map(|row| row.data).collect::<Vec<_>>())).await;
    // What cannot be encoded is left as it is, and so is what another version has written, which may be newer.
    let Ok(MergedChunks { chunks, damaged }) = merged else { return Ok(()) };
    log_damaged(damaged);
    store.replace(&ids, &chunks).await.map(drop)
}

/// Adds the samples of chunks, and returns how many are damaged. Those of another version are a gap.
fn add_chunks(mut points: Downsampler, rows: &[ChunkRow]) -> (Downsampler, usize) {
    let decoded: Vec<Result<_, ChunkError>> = rows.iter().map(|row| decode(&row.data)).collect();
    decoded.iter().flatten().for_each(|samples| points.add(samples));
    (points, decoded.iter().filter(|chunk| matches!(chunk, Err(ChunkError::Damaged))).count())
}

fn log_dropped(is_dropped: bool) {
    if is_dropped {
        tracing::warn!("samples that could not be written for long are dropped, the oldest first");
    }
}

fn log_damaged(chunks: usize) {
    if chunks > 0 {
        tracing::error!(
            chunks,
            "chunks of the history are damaged, and charts have a gap there; look at the health of its disk"
        );
    }
}

/// Runs work that takes milliseconds of a processor apart from the tasks that send to viewers.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The program stops, and nobody waits for it any more.
        Err(Err(_)) => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
