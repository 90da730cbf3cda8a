use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::process::Child;

use super::message::{FilterAnswer, FilterRequest, exchange, receive_greeting};
use super::process;
use super::waiting_bytes::WaitingBytes;
use crate::domain::{FairGate, GateHolder, GateLimits, Holder, Reading, SystemClock};
use crate::sources::SourceError;

/// The time a filter may run. A panel's filter needs a small part of it; the rest is for a busy machine.
pub(in crate::sources) const MAX_RUN_TIME: Duration = Duration::from_secs(1);

/// How long past its time a run is waited for, for the step it is in to end. Then its worker is.
const GRACE: Duration = Duration::from_secs(1);

/// How long a worker may take to be ready: some milliseconds, but on a machine that has much else to do.
const MAX_START_TIME: Duration = Duration::from_secs(10);

/// How long a filter waits for a worker, while others run for as long as they may.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// The most workers: together with what each may take they bound the memory of all filters.
const MAX_WORKERS: usize = 4;

/// The fewest, so that one long run does not hold up all the others: one of them is for strangers alone.
const MIN_WORKERS: usize = 3;

/// The most filters of one holder that run and wait, of a network in steps: a page has many panels, and a wall many pages. What
/// they hold in memory has a limit of its own.
const MAX_PER_HOLDER: usize = 256;

/// The most filters of strangers that wait.
const MAX_WAITING_STRANGERS: usize = 512;

/// Starts a worker that is asked on the socket; `None` where it is no process.
type StartWorker = Box<dyn Fn(UnixStream) -> io::Result<Option<Child>> + Send + Sync>;

/// The processes that run filters, shared by all sources.
pub struct FilterWorkers {
    start: StartWorker,
    /// The workers that may run at a time.
    places: FairGate<Holder>,
    waiting: WaitingBytes,
    idle: Mutex<Vec<Worker>>,
    max_start_time: Duration,
}

/// A running worker.
struct Worker {
    socket: tokio::net::UnixStream,
    process: Option<Child>,
}

/// How the run of a filter has ended.
enum RunEnd {
    Answered(Result<Reading, SourceError>),
    /// Its worker has ended, and there is no answer.
    WorkerEnded(Option<Child>),
}

impl FilterWorkers {
    /// Workers that are this very program, also when its file was replaced since it started.
    pub fn of_this_program() -> Self {
        let link = PathBuf::from("/proc/self/exe");
        // Never a name that is looked up in the path: that may be another program.
        let program = if link.exists() { link } else { std::env::current_exe().unwrap_or(link) };
        Self::of_program(program)
    }

    /// Workers that are the program in that file.
    pub fn of_program(program: PathBuf) -> Self {
        Self::started_by(Box::new(move |socket| process::start(&program, socket).map(Some)))
    }

    pub(super) fn started_by(start: StartWorker) -> Self {
        let cores = thread::available_parallelism().map_or(MIN_WORKERS, usize::from);
        let places = cores.clamp(MIN_WORKERS, MAX_WORKERS);
        // Nobody has more than half of them, and a network of strangers half of that. Members leave one to strangers.
        let limits = GateLimits {
            places,
            for_known: places - 1,
            for_strangers: places / 2,
            per_known: places / 2,
            per_holder: MAX_PER_HOLDER,
            waiting_strangers: MAX_WAITING_STRANGERS,
            max_wait: MAX_WAIT,
        };
        // Real time: a filter is work, and no test moves that forward by hand.
        let places = FairGate::new(limits, Arc::new(SystemClock));
        Self { start, places, waiting: WaitingBytes::default(), idle: Mutex::default(), max_start_time: MAX_START_TIME }
    }

    #[cfg(test)]
    pub(super) fn with_start_time(self, max_start_time: Duration) -> Self {
        Self { max_start_time, ..self }
    }

    /// Runs a filter on a source's answer, in the turn of the holder.
    ///
    /// # Errors
    /// The filter's own, [`SourceError::OverLimits`] when it takes too long or too much memory, and [`SourceError::Broken`] when no
    /// worker can be started.
    pub(in crate::sources) async fn run(
        &self,
        request: &FilterRequest,
        body: &[u8],
        holder: &Holder,
    ) -> Result<Reading, SourceError> {
        let busy = || SourceError::OverLimits("other filters took all the time there is; let them pick less".to_owned());
        let waiting = self.waiting.add(holder, body).ok_or_else(busy)?;
        let gate_holder = match holder {
            Holder::Stranger(network) => GateHolder::Stranger(*network),
            known => GateHolder::Known(known.clone()),
        };
        let _place = tokio::select! {
            place = self.places.enter(gate_holder) => place.map_err(|_| busy())?,
            () = waiting.displaced() => return Err(busy()),
        };
        waiting.keep();
        if let Some(idle) = self.take_idle() {
            // One that ends here may have ended before it was asked, or have too little memory left by others: no fault of this
            // filter, before it has had a worker of its own.
            if let RunEnd::Answered(answer) = self.ask(idle, request, body).await {
                return answer;
            }
        }
        let worker = self.start().await?;
        match self.ask(worker, request, body).await {
            RunEnd::Answered(answer) => answer,
            RunEnd::WorkerEnded(process) => Err(process::death(process, request.memory_bytes).await),
        }
    }

    async fn ask(&self, mut worker: Worker, request: &FilterRequest, body: &[u8]) -> RunEnd {
        // A worker that is dropped here is ended: one that takes too long, and that of a feed that nobody needs any more.
        match tokio::time::timeout(MAX_RUN_TIME + GRACE, exchange(&mut worker.socket, request, body)).await {
            Ok(Ok(FilterAnswer { result, is_last })) => {
                if !is_last {
                    self.idle().push(worker);
                }
                RunEnd::Answered(result)
            }
            Ok(Err(_)) => RunEnd::WorkerEnded(worker.process),
            Err(_) => RunEnd::Answered(Err(SourceError::OverLimits("the filter was stopped: it takes too long".to_owned()))),
        }
    }

    fn take_idle(&self) -> Option<Worker> {
        loop {
            let mut worker = { self.idle().pop() }?;
            let has_ended = worker.process.as_mut().is_some_and(|process| !matches!(process.try_wait(), Ok(None)));
            if !has_ended {
                return Some(worker);
            }
        }
    }

    /// A new worker, which is ready.
    async fn start(&self) -> Result<Worker, SourceError> {
        let mut worker = self.spawn().map_err(|error| process::start_error(&format!("it cannot be started: {error}")))?;
        match tokio::time::timeout(self.max_start_time, receive_greeting(&mut worker.socket)).await {
            Ok(Ok(Ok(()))) => Ok(worker),
            Ok(Ok(Err(reason))) => Err(process::start_error(&reason)),
            Ok(Err(_)) => Err(process::start_error(&process::end_of(worker.process).await)),
            Err(_) => {
                let limit = self.max_start_time.as_secs_f64();
                Err(process::start_error(&format!("it was not ready within {limit} s")))
            }
        }
    }

    fn spawn(&self) -> io::Result<Worker> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = tokio::net::UnixStream::from_std(ours)?;
        Ok(Worker { socket, process: (self.start)(theirs)? })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
