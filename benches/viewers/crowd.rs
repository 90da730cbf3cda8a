//! A crowd of viewers, in as many processes as it takes, and what a server uses to serve it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::process::Process;
use crate::common::report::micros_each;
use crate::load::{LoadCommand, ReconnectReport};
use crate::server::Server;
use crate::shared_state::ViewerSpec;
use crate::tally::Tally;
use crate::worker_options::{LoadOptions, WorkerOptions};

/// The most viewers in one process: as many as it has files for, with some to spare.
const MAX_PER_PROCESS: usize = 9_800;

/// The pause between the connecting and the measuring.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// The process of the stalled viewers: they connect from 127.0.100.x.
pub(crate) const STALLED: u8 = 100;

pub(crate) struct Crowd {
    processes: Vec<Process>,
}

/// The batches that a server delivered to a crowd in some time, and their cost.
pub(crate) struct Served {
    pub(crate) tally: Tally,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
}

impl Served {
    /// Microseconds of processor time for each batch that arrived.
    pub(crate) fn cpu_each(&self) -> f64 {
        micros_each(self.cpu, self.tally.frames)
    }
}

impl Crowd {
    /// Connects the viewers, and waits until everybody has received something.
    pub(crate) fn connect(server: &Server, specs: &[ViewerSpec]) -> Self {
        Self::connect_with_others(server, specs, 0, &[])
    }

    /// Connects viewers beside other crowds: the numbers of its processes are those after `first`, and when their server is gone they
    /// go to the `others`.
    pub(crate) fn connect_with_others(server: &Server, specs: &[ViewerSpec], first: u8, others: &[SocketAddr]) -> Self {
        let share = specs.len().div_ceil(specs.len().div_ceil(MAX_PER_PROCESS).max(1)).max(1);
        let numbered = specs.chunks(share).zip(first + 1..);
        let mut processes: Vec<_> = numbered.map(|(specs, process)| start(server, specs, process, true, others)).collect();
        for process in &mut processes {
            process.receive::<usize>();
        }
        Self { processes }
    }

    /// Connects viewers that never read.
    pub(crate) fn connect_stalled(server: &Server, specs: &[ViewerSpec]) -> Self {
        let mut process = start(server, specs, STALLED, false, &[]);
        process.receive::<usize>();
        Self { processes: vec![process] }
    }

    /// Measures the server for the time `length`.
    pub(crate) fn measure(&mut self, server: &mut Server, length: Duration) -> Served {
        std::thread::sleep(SETTLE_TIME);
        let before = server.usage();
        let began = Instant::now();
        self.start_counting();
        std::thread::sleep(length);
        let tally = self.count();
        let after = server.usage();
        Served { tally, elapsed: began.elapsed(), cpu: after.cpu.saturating_sub(before.cpu) }
    }

    /// Begins a new tally.
    pub(crate) fn start_counting(&mut self) {
        for process in &mut self.processes {
            process.send(&LoadCommand::StartCounting);
        }
    }

    /// The tally since the counting was started.
    pub(crate) fn count(&mut self) -> Tally {
        for process in &mut self.processes {
            process.send(&LoadCommand::Count);
        }
        self.processes.iter_mut().map(Process::receive::<Tally>).fold(Tally::default(), |all, tally| all.merge(&tally))
    }

    /// Has all viewers reconnect, for the reason `command`; `meanwhile` runs once all have been told to.
    pub(crate) fn reconnect(&mut self, command: LoadCommand, meanwhile: impl FnOnce()) -> ReconnectReport {
        for process in &mut self.processes {
            process.send(&command);
        }
        meanwhile();
        let backs: Vec<ReconnectReport> = self.processes.iter_mut().map(Process::receive).collect();
        ReconnectReport {
            back: backs.iter().map(|back| back.back).sum(),
            of: backs.iter().map(|back| back.of).sum(),
            elapsed: backs.iter().map(|back| back.elapsed).max().unwrap_or_default(),
            tally: backs.iter().fold(Tally::default(), |all, back| all.merge(&back.tally)),
        }
    }

    pub(crate) fn disconnect(self) {
        for process in self.processes {
            process.wait_until_ended();
        }
    }
}

fn start(server: &Server, specs: &[ViewerSpec], process: u8, reads: bool, others: &[SocketAddr]) -> Process {
    let (server, others, viewers) = (server.address, others.to_vec(), specs.to_vec());
    Process::with(&WorkerOptions::Load(LoadOptions { server, others, viewers, process, reads }))
}

/// The server's processor time with no viewer, in seconds for each second.
pub(crate) fn idle(server: &mut Server, length: Duration) -> f64 {
    std::thread::sleep(SETTLE_TIME);
    let before = server.usage().cpu;
    std::thread::sleep(length);
    server.usage().cpu.saturating_sub(before).div_duration_f64(length)
}

/// Viewers of one page, each with a session of their own.
pub(crate) fn viewer_specs(slug: &str, tokens: &[String]) -> Vec<ViewerSpec> {
    tokens.iter().map(|token| ViewerSpec { slug: slug.to_owned(), token: token.clone() }).collect()
}
