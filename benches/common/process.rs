//! Processes of their own: this same program again, with options. What is measured then shares no clock, memory or thread
//! with whoever measures.
//!
//! The options stand in a file, as they are too long for an argument. After that both sides say one JSON value a line: the
//! first that the process says means that it is ready. A process whose starter is gone hears the end of its input, and ends.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// By which argument a process knows that it has options.
const ORDERS: &str = "--options";

/// A process that has its options.
pub(crate) struct Process {
    child: Child,
    hears: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    _orders: tempfile::NamedTempFile,
}

impl Process {
    /// Starts one.
    pub(crate) fn with(options: &impl Serialize) -> Self {
        Self::start(options, Command::new(own_path()))
    }

    /// Starts one that gives way to all others: for what would have a machine of its own.
    pub(crate) fn with_little_right(options: &impl Serialize) -> Self {
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(own_path());
        Self::start(options, nice)
    }

    fn start(options: &impl Serialize, mut command: Command) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, options).unwrap();
        command.arg(ORDERS).arg(file.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (hears, says) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, hears, says: BufReader::new(says).lines(), _orders: file }
    }

    /// What it says next.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> T {
        let line = self.says.next().expect("the process goes on until it is told to end").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Tells it something.
    pub(crate) fn tell(&mut self, word: &impl Serialize) {
        writeln!(self.hears, "{}", serde_json::to_string(word).unwrap()).unwrap();
    }

    /// Tells it something, and hears the answer.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, word: &impl Serialize) -> T {
        self.tell(word);
        self.hear()
    }

    /// Asks it to end, as the system does with a service: by SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits until it has ended, well.
    pub(crate) fn ends(self) {
        let Self { mut child, hears, .. } = self;
        drop(hears);
        assert!(child.wait().unwrap().success());
    }
}

fn own_path() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

/// A process that has made everything ready for one piece of work.
pub(crate) struct Ready(Process);

impl Ready {
    pub(crate) fn is(mut process: Process) -> Self {
        process.hear::<()>();
        Self(process)
    }

    /// Has it begin.
    pub(crate) fn go(&mut self) {
        self.0.tell(&());
    }

    /// What it did, once it has.
    pub(crate) fn done<D: DeserializeOwned>(mut self) -> D {
        let done = self.0.hear();
        self.0.ends();
        done
    }
}

/// What this process was ordered to do, if it was.
pub(crate) fn worker_options<O: DeserializeOwned>() -> Option<O> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == ORDERS)?;
    let text = std::fs::read_to_string(arguments.get(at + 1)?).expect("the options are there");
    Some(serde_json::from_str(&text).expect("options are written by this program"))
}

/// Says something to whoever started this process.
pub(crate) fn say(what: &impl Serialize) {
    println!("{}", serde_json::to_string(what).unwrap());
}

/// Says that everything is ready, and waits until it may begin.
pub(crate) fn wait_for_the_word() {
    say(&());
    next_word::<()>();
}

/// What whoever started this process says next; `None` when they are gone. Waits.
pub(crate) fn next_word<W: DeserializeOwned>() -> Option<W> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap_or(0);
    (length > 0).then(|| serde_json::from_str(&line).expect("words are written by this program"))
}
