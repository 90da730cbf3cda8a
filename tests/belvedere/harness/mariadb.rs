//! A MariaDB server, one per test process, and a database of its own for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use super::certificates::TestAuthority;
use super::free_port::free_port;
use super::server_account::{ServerAccount, open_null_device};
use super::server_process;

/// The account that the server runs under.
const SERVER_ACCOUNT: ServerAccount = ServerAccount("mysql");

/// The user who reads the tests' databases, and their password. May do everything: it is on the program not to.
pub(crate) const USER: (&str, &str) = ("belvedere", "s3cret/of:the@shop");

/// A running MariaDB server on a port of loopback.
pub(crate) struct MariaDbServer {
    /// Its port.
    pub(crate) port: u16,
    /// The authority that signed its certificate, which is made out to `localhost` alone.
    pub(crate) ca_file: PathBuf,
    socket: PathBuf,
    databases: AtomicU32,
}

/// The server of this test process. `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static MariaDbServer> {
    static MARIADB: OnceLock<io::Result<MariaDbServer>> = OnceLock::new();
    server_process::started("MariaDB", MARIADB.get_or_init(MariaDbServer::start))
}

impl MariaDbServer {
    fn start() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("belvedere-mariadb-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let (data, socket) = (path("data"), path("server.sock"));
        let ca_file = {
            let authority = TestAuthority::new();
            authority.write(&authority.issue(&["localhost"]), folder.path())?
        };
        for owned in [folder.path(), &path("cert.pem"), &path("key.pem")] {
            SERVER_ACCOUNT.own(owned)?;
        }
        open_null_device()?;
        install(&data)?;
        let port = free_port()?;
        let mut mariadbd = SERVER_ACCOUNT.command("mariadbd");
        mariadbd.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=16M"]);
        // What is lost with the machine is lost with the test.
        mariadbd.args(["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", &format!("--port={port}")]);
        for (option, file) in [
            ("datadir", &data),
            ("socket", &socket),
            ("pid-file", &path("server.pid")),
            ("ssl-cert", &path("cert.pem")),
            ("ssl-key", &path("key.pem")),
        ] {
            mariadbd.arg(format!("--{option}={}", file.display()));
        }
        server_process::spawn_supervised(&mariadbd, folder)?;
        let server = Self { port, ca_file, socket, databases: AtomicU32::new(0) };
        server_process::wait_until(|| server.query("mysql", "SELECT 1"))?;
        let (user, password) = USER;
        let grants =
            format!("CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO '{user}'@'127.0.0.1'");
        server.query("mysql", &grants)?;
        Ok(server)
    }

    /// Creates an empty database, and returns its name.
    pub(crate) fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("mysql", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).unwrap();
        name
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("mysql://{}:s3cret%2Fof:the%40shop@127.0.0.1:{}/{database}", USER.0, self.port)
    }

    /// Runs statements in a database as the administrator, and returns what they print: rows of fields between tabs.
    ///
    /// # Errors
    /// When they fail; the error has the server's words.
    pub(crate) fn query(&self, database: &str, statements: &str) -> io::Result<String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
        client.arg(format!("--socket={}", self.socket.display())).args([database, "--execute", statements]);
        server_process::run(&mut client).map(|text| text.trim().to_owned())
    }
}

/// Makes the server's own tables. What kept it from that goes into the error, and a second time tells whether it is for good: the
/// tool's own server has little patience with a machine on which all tests start at once.
fn install(data: &Path) -> io::Result<()> {
    let install = || {
        let mut install = SERVER_ACCOUNT.command("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        server_process::run(install.arg(format!("--datadir={}", data.display())))
    };
    let Err(first) = install() else { return Ok(()) };
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    install().map(drop).map_err(|second| io::Error::other(format!("{second}\nand before: {first}")))
}
