//! The real program, as it is started in a shell: with arguments, a folder, and an environment.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// How long a command may take for what it does. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file in a test server's folder with its database's URL, where there is one: commands beside the server have the same.
pub(crate) const STORE_URL_FILE: &str = "database-of-this-test";

/// The program in a folder of the test's own, and with an environment of its own.
pub(crate) fn belvedere(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belvedere"));
    command.args(arguments).current_dir(folder).env_clear().env("TMPDIR", folder).env("ROCKET_PORT", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Ok(url) = std::fs::read_to_string(folder.join(STORE_URL_FILE)) {
        command.env("BELVEDERE_STORE__URL", url);
    }
    command
}

/// Runs it to its end.
pub(crate) async fn run_to_end(mut command: Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("the command ends").unwrap()
}

/// The output of a command, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A command that runs until it is told to stop.
pub(crate) struct RunningProgram {
    child: Child,
    printed: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    logged: String,
}

impl RunningProgram {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, printed, log, logged: String::new() }
    }

    /// The address that it names, in the log or on its standard output.
    pub(crate) async fn is_open_at(&mut self) -> SocketAddr {
        let named = async {
            loop {
                let line = tokio::select! {
                    line = self.printed.next_line() => line.unwrap(),
                    line = self.log.next_line() => line.unwrap().inspect(|line| self.logged.extend([line, "\n"])),
                };
                let line = line.unwrap_or_else(|| panic!("it ended before it was open: {}", self.logged));
                if let Some(named) = line.split("http://").nth(1) {
                    let end = named.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(named.len());
                    return named[..end].parse().unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, named).await.expect("it says where it is")
    }

    /// Its output up to the first line that contains the text.
    pub(crate) async fn prints_until(&mut self, mark: &str) -> String {
        let mut printed = String::new();
        while !printed.contains(mark) {
            let line = tokio::time::timeout(PATIENCE, self.printed.next_line()).await.expect("it prints on").unwrap();
            printed.extend([&*line.expect("it prints more"), "\n"]);
        }
        printed
    }

    /// Kills it, as a machine does that loses its power.
    pub(crate) async fn dies(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends the signal, which must not end it, and reads its log up to the first line that contains the text.
    pub(crate) async fn lives_through(&mut self, signal: &str, mark: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status().await.unwrap();
        assert!(sent.success());
        loop {
            let line = tokio::time::timeout(PATIENCE, self.log.next_line()).await.expect("it logs on").unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended by {signal}: {}", self.logged));
            self.logged.extend([&*line, "\n"]);
            if line.contains(mark) {
                return;
            }
        }
    }

    /// Kills it, as a machine does that has no memory left.
    pub(crate) async fn gets_killed(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends the signal, after which it must end without an error, and returns its log.
    pub(crate) async fn ends_after(mut self, signal: &str) -> String {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().await.unwrap();
        assert!(sent.success());
        let (mut printed, mut log) = (self.printed.into_inner(), self.log.into_inner());
        let mut rest = [Vec::new(), Vec::new()];
        let [of_printed, of_log] = &mut rest;
        let ended = async { tokio::join!(self.child.wait(), printed.read_to_end(of_printed), log.read_to_end(of_log)) };
        let (status, ..) = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
        let log = self.logged + &text(&rest[1]);
        assert_eq!(status.unwrap().code(), Some(0), "after {signal}: {log}");
        log
    }
}
