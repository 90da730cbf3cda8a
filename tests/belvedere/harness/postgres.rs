//! A PostgreSQL server, one per test process, and a database of its own for each test.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::certificates::TestAuthority;
use super::free_port::free_port;
use super::server_account::{ServerAccount, open_null_device};
use super::server_process;

/// The account that the server runs under.
pub(crate) const SERVER_ACCOUNT: ServerAccount = ServerAccount("postgres");

/// The role that owns the tests' databases. It needs no password.
pub(crate) const OWNER: &str = "belvedere";

/// A role that needs one, and its password.
pub(crate) const PASSWORD_ROLE: (&str, &str) = ("belvedere_with_password", "s3cret/of:the@store");

/// A role that needs a client's certificate, by the server's authority.
pub(crate) const CERTIFICATE_ROLE: &str = "belvedere_with_certificate";

/// A running PostgreSQL server on a port of loopback.
pub(crate) struct PostgresServer {
    /// Its port.
    pub(crate) port: u16,
    /// The authority that signed its certificate, which is made out to `localhost` alone.
    pub(crate) ca_file: PathBuf,
    programs: PathBuf,
    data: PathBuf,
    databases: AtomicU32,
}

/// The server of this test process. `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static PostgresServer> {
    static POSTGRES: OnceLock<io::Result<PostgresServer>> = OnceLock::new();
    server_process::started("PostgreSQL", POSTGRES.get_or_init(PostgresServer::start))
}

impl PostgresServer {
    /// Starts another server, which lives as long as this process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start() -> io::Result<Self> {
        let programs = programs()?;
        let temporary = tempfile::Builder::new().prefix("belvedere-postgres-").tempdir()?;
        let data = temporary.path().join("data");
        SERVER_ACCOUNT.own(temporary.path())?;
        open_null_device()?;
        let mut initdb = SERVER_ACCOUNT.command(programs.join("initdb"));
        initdb.args(["--username", "root", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]);
        server_process::run(initdb.arg("--pgdata").arg(&data))?;
        let authority = TestAuthority::new();
        let ca_file = authority.write(&authority.issue(&["localhost"]), temporary.path())?;
        let role = PASSWORD_ROLE.0;
        let hosts = format!(
            "host all {role} 127.0.0.1/32 scram-sha-256\nhostssl all {CERTIFICATE_ROLE} 127.0.0.1/32 trust clientcert=verify-ca\n\
             host all {CERTIFICATE_ROLE} 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
        );
        fs::write(data.join("pg_hba.conf"), hosts)?;
        for name in ["cert.pem", "key.pem"] {
            SERVER_ACCOUNT.own(&temporary.path().join(name))?;
        }
        let server = Self::run(programs, temporary, ca_file)?;
        let (name, password) = PASSWORD_ROLE;
        server.query("postgres", &format!("CREATE ROLE {OWNER} LOGIN; CREATE ROLE {CERTIFICATE_ROLE} LOGIN; CREATE ROLE {name} LOGIN PASSWORD '{password}'"))?;
        Ok(server)
    }

    /// Starts a replica of this server, which follows it (streaming replication).
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn replica(&self) -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("belvedere-postgres-").tempdir()?;
        SERVER_ACCOUNT.own(temporary.path())?;
        let mut copy = SERVER_ACCOUNT.command(self.programs.join("pg_basebackup"));
        copy.args(["-h", "127.0.0.1", "-U", "root", "-p", &self.port.to_string(), "--write-recovery-conf", "--no-sync"]);
        server_process::run(copy.args(["--checkpoint", "fast", "--pgdata"]).arg(temporary.path().join("data")))?;
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            let to = temporary.path().join(name);
            fs::copy(self.ca_file.with_file_name(name), &to)?;
            SERVER_ACCOUNT.own(&to)?;
        }
        Self::run(self.programs.clone(), temporary, self.ca_file.clone())
    }

    /// Makes a replica the primary.
    pub(crate) fn promote(&self) {
        assert_eq!(self.query("postgres", "SELECT pg_promote()").unwrap(), "t");
    }

    /// Kills the server, as a machine does that loses its power.
    pub(crate) fn kill(&self) {
        let mut stop = SERVER_ACCOUNT.command(self.programs.join("pg_ctl"));
        server_process::run(stop.args(["stop", "--mode", "immediate", "--pgdata"]).arg(&self.data)).unwrap();
    }

    /// Runs a server on the cluster in `folder`.
    fn run(programs: PathBuf, folder: TempDir, ca_file: PathBuf) -> io::Result<Self> {
        let data = folder.path().join("data");
        let port = free_port()?;
        let mut postgres = SERVER_ACCOUNT.command(programs.join("postgres"));
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        // What is lost with the machine is lost with the test.
        for setting in
            ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300", "shared_buffers=32MB"]
        {
            postgres.args(["-c", setting]);
        }
        let file = |name| folder.path().join(name).display().to_string();
        for setting in [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("cert.pem")),
            format!("ssl_key_file={}", file("key.pem")),
            format!("ssl_ca_file={}", file("ca.pem")),
        ] {
            postgres.args(["-c", &setting]);
        }
        server_process::spawn_supervised(&postgres, folder)?;
        let server = Self { port, ca_file, programs, data, databases: AtomicU32::new(0) };
        server_process::wait_until(|| server.query("postgres", "SELECT 1"))?;
        Ok(server)
    }

    /// Creates an empty database, and returns its name.
    pub(crate) fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name} OWNER {OWNER}")).unwrap();
        name
    }

    /// The URL of a database, past a proxy on that port.
    pub(crate) fn url_at(port: u16, database: &str) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{port}/{database}")
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        Self::url_at(self.port, database)
    }

    /// Runs statements in a database as the administrator, and returns what they print: rows of fields between bars.
    ///
    /// # Errors
    /// When they fail; the error has the server's words.
    pub(crate) fn query(&self, database: &str, statements: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "root", "-d", database]);
        server_process::run(psql.args(["-p", &self.port.to_string(), "-c", statements])).map(|text| text.trim().to_owned())
    }
}

/// The folder of the newest installed server's programs.
fn programs() -> io::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")?.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let newest = versions.filter(|programs| programs.join("postgres").exists()).max();
    newest.ok_or_else(|| io::Error::other("no PostgreSQL server is installed"))
}
