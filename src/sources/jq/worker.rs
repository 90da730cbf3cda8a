use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use indexmap::IndexMap;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::compile::{Program, compile};
use super::filter_thread;
use super::memory_limit::{MemoryLimit, used_bytes};
use super::run::run;
use crate::domain::Reading;
use crate::sources::SourceError;
use crate::sources::filter_workers::{FilterAnswer, FilterRequest, read_bytes, read_message, write_answer, write_greeting};

/// The number of compiled filters that a worker caches. Each takes some of the memory that its filters may use.
const MAX_PROGRAMS: usize = 64;

/// The memory above which a worker ends after an answer: a new one costs a few milliseconds, and what one filter left behind
/// must not be missing to the next.
const MAX_KEPT_BYTES: u64 = 32 * 1024 * 1024;

/// Serves as a worker until the other end of the socket, which is the standard input, is closed.
pub fn serve_filters() -> ExitCode {
    let serve = || {
        let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        // It says itself what went wrong, and its memory is other people's answers.
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        yield_memory();
        #[cfg(target_os = "linux")]
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        // From within the thread, as its stack is no filter's memory.
        let worker = filter_thread().spawn(move || serve_within(&mut socket, MemoryLimit::from_here()))?;
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the worker broke")))
    };
    if serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves within the limit. Without one no filter runs.
fn serve_within(socket: &mut (impl Read + Write), limit: io::Result<MemoryLimit>) -> io::Result<()> {
    match limit {
        Ok(limit) => serve(socket, Some(&limit)),
        Err(error) => write_greeting(socket, &Err(format!("its memory cannot be limited: {error}"))),
    }
}

/// Lets the server live when the machine is out of memory. Where the system refuses, the worker has its limits still. Its
/// priority stays the server's: with a lower one, panels would fail for want of time whenever the processors are busy.
fn yield_memory() {
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}

/// Says that it is ready, and answers one request after the other, within the memory that each names if there is a `limit`.
fn serve(socket: &mut (impl Read + Write), limit: Option<&MemoryLimit>) -> io::Result<()> {
    write_greeting(socket, &Ok(()))?;
    let mut programs = IndexMap::new();
    loop {
        let request: FilterRequest = match read_message(socket) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            request => request?,
        };
        if let Some(limit) = limit {
            limit.set(request.memory_bytes)?;
        }
        let body = read_bytes(socket)?;
        let result = catch_unwind(AssertUnwindSafe(|| answer(&mut programs, &request, &body)));
        let result = result.unwrap_or_else(|_| Err(SourceError::Broken("the filter broke off".to_owned())));
        drop(body);
        let is_last = limit.is_some() && used_bytes().is_some_and(|bytes| bytes > MAX_KEPT_BYTES);
        write_answer(socket, &FilterAnswer { result, is_last })?;
        if is_last {
            return Ok(());
        }
    }
}

fn answer(programs: &mut IndexMap<String, Program>, request: &FilterRequest, body: &[u8]) -> Result<Reading, SourceError> {
    if !programs.contains_key(&request.filter) {
        if programs.len() >= MAX_PROGRAMS {
            programs.shift_remove_index(0);
        }
        programs.insert(request.filter.clone(), compile(&request.filter).map_err(SourceError::BadQuery)?);
    }
    run(&programs[&request.filter], &request.host, body, &request.bindings, request.now)
}

/// Serves on a thread, as a worker whose memory cannot be limited does.
#[cfg(test)]
pub(in crate::sources) fn serve_without_limit(mut socket: UnixStream) -> io::Result<()> {
    let limit = MemoryLimit::from_status("Name:\tbelvedere\n");
    filter_thread().spawn(move || serve_within(&mut socket, limit)).map(drop)
}

/// Serves on a thread, for tests: they run where no limit may be set.
#[cfg(test)]
pub(in crate::sources) fn serve_on_threads(mut socket: UnixStream) -> io::Result<()> {
    filter_thread().spawn(move || serve(&mut socket, None)).map(drop)
}
