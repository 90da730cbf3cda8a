//! A crowd of viewers, in as many processes as it takes, and what a server uses to serve it.

use std::time::{Duration, Instant};

use crate::WorkerOptions;
use crate::common::process::Process;
use crate::common::report::micros_each;
use crate::load::{self, Place, Return, Word};
use crate::server::Server;
use crate::tally::Tally;

/// As many as one process has files for, with some to spare.
const MOST_IN_A_PROCESS: usize = 9_800;

/// Between the arrival and the measuring: what the arrival left behind is gone.
const SETTLES: Duration = Duration::from_secs(3);

/// Which process those are who take nothing: they come from 127.0.100.x.
pub(crate) const STALLED: u8 = 100;

pub(crate) struct Crowd {
    processes: Vec<Process>,
}

/// What a server did for a crowd in some time.
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
    /// Comes, each to a place, and is there when everybody was told something.
    pub(crate) fn comes(server: &Server, places: &[Place]) -> Self {
        let share = places.len().div_ceil(places.len().div_ceil(MOST_IN_A_PROCESS).max(1)).max(1);
        let mut processes: Vec<_> =
            places.chunks(share).zip(1..).map(|(places, process)| start(server, places, process, true)).collect();
        for process in &mut processes {
            process.hear::<usize>();
        }
        Self { processes }
    }

    /// Comes, asks, and never reads.
    pub(crate) fn stalls(server: &Server, places: &[Place]) -> Self {
        let mut process = start(server, places, STALLED, false);
        process.hear::<usize>();
        Self { processes: vec![process] }
    }

    /// What the server does for it in that time.
    pub(crate) fn served(&mut self, server: &mut Server, length: Duration) -> Served {
        std::thread::sleep(SETTLES);
        let before = server.usage();
        let began = Instant::now();
        for process in &mut self.processes {
            process.tell(&Word::Begin);
        }
        std::thread::sleep(length);
        let tally = self.count();
        let after = server.usage();
        Served { tally, elapsed: began.elapsed(), cpu: after.cpu.saturating_sub(before.cpu) }
    }

    /// What it was told since it was asked to count.
    pub(crate) fn count(&mut self) -> Tally {
        for process in &mut self.processes {
            process.tell(&Word::Count);
        }
        self.processes.iter_mut().map(Process::hear::<Tally>).fold(Tally::default(), |all, tally| all.and(&tally))
    }

    /// Has all of them come again, for that reason; `meanwhile` is done once all have been told to.
    pub(crate) fn comes_back(&mut self, word: Word, meanwhile: impl FnOnce()) -> Return {
        for process in &mut self.processes {
            process.tell(&word);
        }
        meanwhile();
        let backs: Vec<Return> = self.processes.iter_mut().map(Process::hear).collect();
        Return {
            back: backs.iter().map(|back| back.back).sum(),
            of: backs.iter().map(|back| back.of).sum(),
            elapsed: backs.iter().map(|back| back.elapsed).max().unwrap_or_default(),
            tally: backs.iter().fold(Tally::default(), |all, back| all.and(&back.tally)),
        }
    }

    pub(crate) fn leaves(self) {
        for process in self.processes {
            process.ends();
        }
    }
}

fn start(server: &Server, places: &[Place], process: u8, reads: bool) -> Process {
    Process::with(&WorkerOptions::Load(load::WorkerOptions {
        server: server.address,
        viewers: places.to_vec(),
        process,
        reads,
    }))
}

/// Seconds of processor time that a second takes the server with nobody there.
pub(crate) fn idle(server: &mut Server, length: Duration) -> f64 {
    std::thread::sleep(SETTLES);
    let before = server.usage().cpu;
    std::thread::sleep(length);
    server.usage().cpu.saturating_sub(before).div_duration_f64(length)
}

/// Everybody at one page, each with a session of their own.
pub(crate) fn places(slug: &str, tokens: &[String]) -> Vec<Place> {
    tokens.iter().map(|token| Place { slug: slug.to_owned(), token: token.clone() }).collect()
}
