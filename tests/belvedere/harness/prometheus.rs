//! Prometheus with a node exporter, on loopback, which it asks every second. Unit tests use this file too.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::free_port::free_port;
use super::server_process;

/// A running server and its exporter, which end when this is dropped.
pub(crate) struct PrometheusServer {
    port: u16,
    processes: Vec<Child>,
    folder: TempDir,
}

impl PrometheusServer {
    /// A server with the node exporter's values in it; `None`, said loudly, where it cannot be started.
    pub(crate) fn start() -> Option<Self> {
        let server = Self::spawn("").and_then(Self::ready);
        required("prometheus", server)
    }

    /// A server that serves as its `web.config.file` says, in which `FOLDER` stands for `files`. Nobody has waited for it.
    #[allow(dead_code, reason = "unit tests alone use it")]
    pub(crate) fn with_web_config(web_config: &str) -> Option<Self> {
        required("prometheus", Self::spawn(web_config))
    }

    fn spawn(web_config: &str) -> io::Result<Self> {
        let [port, exporter] = [free_port()?, free_port()?];
        let folder = tempfile::Builder::new().prefix("belvedere-prometheus-").tempdir()?;
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).map(|()| path.display().to_string())
        };
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n\
             - job_name: node\n  static_configs: [ {{ targets: [\"127.0.0.1:{exporter}\"] }} ]\n"
        );
        let config = file("prometheus.yml", &config)?;
        let web_config = file("web.yml", web_config)?;
        let data = folder.path().join("data").display().to_string();
        let quiet = |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let exporter = quiet(Command::new("prometheus-node-exporter").args([
            &format!("--web.listen-address=127.0.0.1:{exporter}"),
            "--collector.disable-defaults",
            "--collector.loadavg",
            "--collector.cpu",
        ]))?;
        let mut server = Self { port, processes: vec![exporter], folder };
        server.processes.push(quiet(Command::new("prometheus").args([
            &format!("--config.file={config}"),
            &format!("--web.config.file={web_config}"),
            &format!("--storage.tsdb.path={data}"),
            &format!("--web.listen-address=127.0.0.1:{port}"),
        ]))?);
        Ok(server)
    }

    /// The server once it has the exporter's first values.
    fn ready(self) -> io::Result<Self> {
        server_process::wait_until(|| {
            let has_values = self.query("up").contains("\"1\"]");
            has_values.then_some(()).ok_or_else(|| io::Error::other("it has no values of its exporter"))
        })?;
        Ok(self)
    }

    /// The whole answer to a query, empty where there is none.
    fn query(&self, query: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: localhost\r\n\r\n");
            // A server that is still starting may hang up; it is asked again.
            let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        }
        answer
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[allow(dead_code, reason = "unit tests alone use it")]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

#[allow(clippy::explicit_write, reason = "the test runner keeps a passing test's `eprintln!` to itself")]
fn required(what: &str, server: io::Result<PrometheusServer>) -> Option<PrometheusServer> {
    match server {
        Ok(server) => Some(server),
        Err(error) => {
            let is_required = std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_some_and(|set| set == "1");
            assert!(!is_required, "{what} is required and could not be started: {error}");
            writeln!(io::stderr(), "SKIPPED: a test that needs {what}, which could not be started: {error}").unwrap();
            None
        }
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that has ended by itself is gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = &self.folder;
    }
}
