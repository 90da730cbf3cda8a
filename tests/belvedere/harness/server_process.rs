//! Starts servers that live exactly as long as this test process, and clears up behind them.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::free_port::free_port;

/// How long a server may take until it answers: generous, for a busy machine.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is asked meanwhile.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// The file with a server's output, in its folder.
pub(crate) const LOG: &str = "server.log";

/// Waits for the end of its standard input, which comes with the end of the test process however it ends; then stops
/// the server and removes its folder. Should the shell itself be killed, the server gets a TERM all the same.
const SUPERVISOR: &str = r#"
dir=$1; shift
setpriv --pdeathsig TERM "$@" </dev/null &
server=$!
while read -r _; do :; done
kill "$server" 2>/dev/null
wait "$server"
rm -rf "$dir"
# Its last children may write once more while they go.
sleep 1
rm -rf "$dir"
"#;

/// The supervisors, whose standard inputs must stay open until the process ends.
static SUPERVISORS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Starts `server`, which must stay in the foreground and keeps its files in `folder`. From here on the folder is the
/// supervisor's to remove.
///
/// # Errors
/// When no shell can be started or the log cannot be written.
pub(crate) fn spawn_supervised(server: &Command, folder: TempDir) -> io::Result<()> {
    let log = File::create(folder.path().join(LOG))?;
    let supervisor = Command::new("sh")
        .args(["-c", SUPERVISOR, "supervisor"])
        .arg(folder.path())
        .arg(server.get_program())
        .args(server.get_args())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    SUPERVISORS.lock().unwrap().push(supervisor);
    let _ = folder.keep();
    Ok(())
}

/// Waits until something listens at `address`.
///
/// # Errors
/// When nothing does in time.
pub(crate) fn wait_for(address: impl ToSocketAddrs + Copy) -> io::Result<()> {
    wait_until(|| TcpStream::connect(address))
}

/// Waits until a server does what it is asked.
///
/// # Errors
/// Why it does not in time.
pub(crate) fn wait_until<T>(ask: impl Fn() -> io::Result<T>) -> io::Result<()> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        match ask() {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(RETRY_INTERVAL),
        }
    }
}

/// Runs a tool to its end and returns what it printed.
///
/// # Errors
/// When it cannot be run or fails; the error has its words.
pub(crate) fn run(tool: &mut Command) -> io::Result<String> {
    let output = tool.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(io::Error::other(format!("{} failed: {}", tool.get_program().display(), String::from_utf8_lossy(&words))))
}

/// Two ports nothing listens on.
///
/// # Errors
/// When the system has none.
pub(crate) fn two_free_ports() -> io::Result<[u16; 2]> {
    Ok([free_port()?, free_port()?])
}

/// Reports on standard error what is not tested.
#[allow(clippy::explicit_write, reason = "the test runner keeps a passing test's `eprintln!` to itself")]
pub(crate) fn skipped(what: &str) {
    writeln!(io::stderr(), "SKIPPED: {what}").unwrap();
}

/// The server, if it could be started; if not, says so loudly, or fails if it is required.
pub(crate) fn started<Server>(what: &str, start: &'static io::Result<Server>) -> Option<&'static Server> {
    let why = match start {
        Ok(server) => return Some(server),
        Err(why) => why,
    };
    assert!(
        std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none_or(|set| set != "1"),
        "{what} is required by BELVEDERE_TESTS_REQUIRE_SERVERS and could not be started: {why}"
    );
    skipped(&format!("a test that needs {what}, which could not be started: {why}"));
    None
}
