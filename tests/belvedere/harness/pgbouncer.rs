//! PgBouncer in transaction mode, before a PostgreSQL server.

use std::io;
use std::process::Command;

use super::free_port::free_port;
use super::postgres::{OWNER, PostgresServer, SERVER_ACCOUNT};
use super::server_process;

/// The connections that PgBouncer has to each database: fewer than those who want one.
const POOL_SIZE: usize = 3;

/// Starts PgBouncer, which lives as long as this process, before `server`. Returns its port. `None`, said loudly, where it cannot
/// be started.
pub(crate) fn before(server: &PostgresServer) -> Option<u16> {
    match start(server.port) {
        Ok(port) => Some(port),
        Err(error) => {
            assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "install pgbouncer: {error}");
            server_process::skipped(&format!("a test that needs PgBouncer, which could not be started: {error}"));
            None
        }
    }
}

fn start(postgres: u16) -> io::Result<u16> {
    let folder = tempfile::Builder::new().prefix("belvedere-pgbouncer-").tempdir()?;
    let port = free_port()?;
    let (settings, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users.txt"));
    std::fs::write(&users, format!("\"{OWNER}\" \"\"\n"))?;
    let text = format!(
        "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = {POOL_SIZE}\n",
        users.display()
    );
    std::fs::write(&settings, text)?;
    for path in [folder.path(), &settings, &users] {
        SERVER_ACCOUNT.own(path)?;
    }
    let mut pgbouncer = SERVER_ACCOUNT.command("pgbouncer");
    pgbouncer.arg(&settings);
    // That it is there is seen now, and not after a minute.
    server_process::run(Command::new("pgbouncer").arg("--version"))?;
    server_process::spawn_supervised(&pgbouncer, folder)?;
    server_process::wait_for(("127.0.0.1", port))?;
    Ok(port)
}
