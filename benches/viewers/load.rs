//! A load process with thousands of viewers on one thread, each a task that reads into a buffer shared by all.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::common::process;
use crate::shared_state::SharedState;
use crate::tally::Tally;
use crate::viewer;
use crate::worker_options::LoadOptions;

/// The timeout for all viewers to be connected.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command to a load process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum LoadCommand {
    /// Resets the tally. Not answered.
    StartCounting,
    /// Answers with the [`Tally`].
    Count,
    /// Cuts every connection, has all viewers reconnect at once, and answers with a [`ReconnectReport`].
    Reconnect,
    /// Waits until all viewers have reconnected to a server that is about to restart, and answers with a [`ReconnectReport`].
    AwaitReconnect,
}

/// The outcome of a reconnection of all viewers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReconnectReport {
    /// The number of viewers that received something again, …
    pub(crate) back: usize,
    pub(crate) of: usize,
    /// The time until the last of them did.
    pub(crate) elapsed: Duration,
    pub(crate) tally: Tally,
}

pub(crate) fn run(options: LoadOptions) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        if options.reads { run_viewers(options).await } else { run_stalled_viewers(options).await }
    });
}

async fn run_viewers(options: LoadOptions) {
    let servers = std::iter::once(options.server).chain(options.others).collect();
    let shared = Rc::new(SharedState::new(servers, options.process, options.viewers.len()));
    for (n, spec) in options.viewers.into_iter().enumerate() {
        tokio::task::spawn_local(viewer::watch_forever(n, spec, Rc::clone(&shared)));
    }
    let arrived = timeout(PATIENCE, shared.all_back.notified()).await;
    let tally = || shared.tally.borrow().clone();
    assert!(arrived.is_ok(), "{} of {} came, {} were lost", shared.back.get(), shared.of, tally().lost);
    shared.arriving.add_permits(shared.of);
    process::send_to_parent(&shared.of);
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        match command {
            LoadCommand::StartCounting => *shared.tally.borrow_mut() = Tally::default(),
            LoadCommand::Count => process::send_to_parent(&tally()),
            LoadCommand::Reconnect => process::send_to_parent(&reconnect(&shared, true).await),
            LoadCommand::AwaitReconnect => process::send_to_parent(&reconnect(&shared, false).await),
        }
    }
    // Thousands of connections are closed by the system, sooner than one by one.
    std::process::exit(0);
}

async fn reconnect(shared: &SharedState, is_cut: bool) -> ReconnectReport {
    let began = Instant::now();
    *shared.tally.borrow_mut() = Tally::default();
    shared.back.set(0);
    if is_cut {
        shared.cut.send_replace(());
    }
    // Who is not back by then is seen in the numbers.
    let _ = timeout(PATIENCE, shared.all_back.notified()).await;
    ReconnectReport { back: shared.back.get(), of: shared.of, elapsed: began.elapsed(), tally: shared.tally.borrow().clone() }
}

/// Runs viewers that connect, and then never read.
async fn run_stalled_viewers(options: LoadOptions) {
    let mut kept = Vec::new();
    for (n, spec) in options.viewers.iter().enumerate() {
        kept.push(viewer::connect_stalled(n, spec, options.server, options.process).await.unwrap());
    }
    process::send_to_parent(&kept.len());
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        if matches!(command, LoadCommand::Count) {
            process::send_to_parent(&Tally::default());
        }
    }
    std::process::exit(0);
}

/// The commands to this process, read by a thread beside the viewers'.
fn commands() -> mpsc::Receiver<LoadCommand> {
    let (sender, commands) = mpsc::channel(1);
    std::thread::spawn(move || while process::next_command().is_some_and(|command| sender.blocking_send(command).is_ok()) {});
    commands
}
