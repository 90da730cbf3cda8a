//! Redis servers, each for one test: on loopback, with nothing on disk. Unit tests use this file too.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::free_port::free_port;

/// How long a server may take until it answers, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A running server, which ends when this is dropped.
pub(crate) struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    process: Mutex<Option<Child>>,
    _folder: TempDir,
}

impl RedisServer {
    /// A server; `None`, said loudly, where it cannot be started.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// A server with further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Option<Self> {
        let port = free_port().unwrap();
        let folder = tempfile::Builder::new().prefix("belvedere-redis-").tempdir().unwrap();
        let folder_path = folder.path().to_str().unwrap().to_owned();
        let own =
            ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", &folder_path];
        let arguments = own.iter().chain(arguments).map(ToString::to_string).collect();
        Self { port, arguments, process: Mutex::default(), _folder: folder }.started()
    }

    #[allow(clippy::explicit_write, reason = "the test runner keeps a passing test's `eprintln!` to itself")]
    fn started(self) -> Option<Self> {
        match self.start_again() {
            Ok(()) => Some(self),
            Err(error) => {
                let is_required = std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_some_and(|set| set == "1");
                assert!(!is_required, "redis-server is required and could not be started: {error}");
                writeln!(io::stderr(), "SKIPPED: a test that needs redis-server, which could not be started: {error}").unwrap();
                None
            }
        }
    }

    /// Its port.
    #[allow(dead_code, reason = "unit tests know it by its URL")]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, with all that it knows.
    pub(crate) fn kill(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again on the same port, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_again(&self) -> io::Result<()> {
        let mut command = Command::new("redis-server");
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        *self.process.lock().unwrap() = Some(command.spawn()?);
        let deadline = Instant::now() + READY_TIMEOUT;
        while !self.answers() {
            if Instant::now() > deadline {
                return Err(io::Error::other("it does not answer"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether it says anything, if only that it wants a password, or TLS.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = [0; 1];
        stream.write_all(b"PING\r\n").is_ok() && stream.read(&mut answer).is_ok()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
