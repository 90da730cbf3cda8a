//! Worker processes: this same program again, with options. What is measured then shares no clock, memory or thread
//! with whoever measures.
//!
//! The options stand in a file, as they are too long for an argument. After that both sides send one JSON value a line: the
//! first from the worker means that it is ready. A worker whose parent is gone reads the end of its input, and ends.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The flag before the path of a worker's options.
const OPTIONS_FLAG: &str = "--options";

/// A worker process that was given its options.
pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    _options_file: tempfile::NamedTempFile,
}

impl Process {
    /// Starts a worker.
    pub(crate) fn with(options: &impl Serialize) -> Self {
        Self::start(options, Command::new(own_path()))
    }

    /// Starts a worker that gives way to all other processes: for one that would have a machine of its own.
    pub(crate) fn with_low_priority(options: &impl Serialize) -> Self {
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(own_path());
        Self::start(options, nice)
    }

    fn start(options: &impl Serialize, mut command: Command) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, options).unwrap();
        command.arg(OPTIONS_FLAG).arg(file.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout: BufReader::new(stdout).lines(), _options_file: file }
    }

    /// Receives its next message.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> T {
        let line = self.stdout.next().expect("the process goes on until it is told to end").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Sends it a message.
    pub(crate) fn send(&mut self, message: &impl Serialize) {
        writeln!(self.stdin, "{}", serde_json::to_string(message).unwrap()).unwrap();
    }

    /// Sends it a message, and receives the answer.
    pub(crate) fn request<T: DeserializeOwned>(&mut self, message: &impl Serialize) -> T {
        self.send(message);
        self.receive()
    }

    /// Asks it to end, as the system does with a service: by SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Ends it without asking.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended, which it must without an error.
    pub(crate) fn wait_until_ended(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

fn own_path() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

/// A worker that has made everything ready for one piece of work.
pub(crate) struct Ready(Process);

impl Ready {
    pub(crate) fn wait_for(mut process: Process) -> Self {
        process.receive::<()>();
        Self(process)
    }

    /// Has it start its work.
    pub(crate) fn go(&mut self) {
        self.0.send(&());
    }

    /// Waits for its report.
    pub(crate) fn done<D: DeserializeOwned>(mut self) -> D {
        let done = self.0.receive();
        self.0.wait_until_ended();
        done
    }
}

/// The options of this process, if it is a worker.
pub(crate) fn worker_options<O: DeserializeOwned>() -> Option<O> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == OPTIONS_FLAG)?;
    let text = std::fs::read_to_string(arguments.get(at + 1)?).expect("the options are there");
    Some(serde_json::from_str(&text).expect("options are written by this program"))
}

/// Sends a message to the process that started this one.
pub(crate) fn send_to_parent(message: &impl Serialize) {
    println!("{}", serde_json::to_string(message).unwrap());
}

/// Reports that this worker is ready, and waits until it may start.
pub(crate) fn wait_for_go() {
    send_to_parent(&());
    next_command::<()>();
}

/// Waits for the next message of the process that started this one; `None` when that is gone.
pub(crate) fn next_command<C: DeserializeOwned>() -> Option<C> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap_or(0);
    (length > 0).then(|| serde_json::from_str(&line).expect("commands are written by this program"))
}
