//! HAProxy before several nodes, with the settings that the manual has.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use super::reserved_port::ReservedPort;
use super::server_process;

/// The chapter with the settings.
const MANUAL: &str = include_str!("../../../docs/src/several-nodes.md");

/// The header of an answer with the name of the node that it is from.
pub(crate) const NODE_HEADER: &str = "X-Node";

/// The names of the nodes.
pub(crate) const NODE_NAMES: [&str; 3] = ["one", "two", "three"];

/// A running HAProxy, which lives as long as this process.
pub(crate) struct HaProxy {
    pub(crate) address: SocketAddr,
    _port: ReservedPort,
}

impl HaProxy {
    /// Starts it before these nodes, as many as the manual has. `None`, said loudly, where it cannot be started.
    pub(crate) fn before(nodes: &[SocketAddr]) -> Option<Self> {
        match Self::start(nodes) {
            Ok(started) => Some(started),
            Err(error) => {
                assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "install haproxy: {error}");
                server_process::skipped(&format!("a test that needs HAProxy, which could not be started: {error}"));
                None
            }
        }
    }

    fn start(nodes: &[SocketAddr]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("belvedere-haproxy-").tempdir()?;
        let port = ReservedPort::new();
        let settings = folder.path().join("haproxy.cfg");
        std::fs::write(&settings, settings_for(port.address, nodes))?;
        let mut haproxy = Command::new("/usr/sbin/haproxy");
        // In the foreground. That its settings are good is seen now, and not after a minute.
        server_process::run(Command::new(haproxy.get_program()).arg("-c").arg("-f").arg(&settings))?;
        haproxy.arg("-db").arg("-f").arg(&settings);
        server_process::spawn_supervised(&haproxy, folder)?;
        server_process::wait_for(port.address)?;
        Ok(Self { address: port.address, _port: port })
    }
}

/// The manual's settings, with these addresses in place of its own, and without TLS.
fn settings_for(address: SocketAddr, nodes: &[SocketAddr]) -> String {
    let block = MANUAL.split("```haproxy\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the manual has them");
    let mut nodes = nodes.iter();
    let lines = block.lines().map(|line| match line.trim_start().split_once(' ') {
        Some(("bind", _)) => format!("    bind {address}"),
        Some(("server", rest)) => {
            let name = rest.split(' ').next().unwrap_or_default();
            format!("    server {name} {}", nodes.next().expect("the manual has no more nodes"))
        }
        _ => line.to_owned(),
    });
    let settings: Vec<String> = lines.collect();
    assert!(nodes.next().is_none(), "the manual has as many nodes");
    settings.join("\n") + &format!("\n    http-response set-header {NODE_HEADER} %s\n")
}
