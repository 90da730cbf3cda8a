//! A Sentinel of Redis, which replaces a master that does not answer by its replica.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Value;
use tempfile::TempDir;

use super::free_port::free_port;
use super::redis::RedisServer;

/// How long a test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A master, its replica, and the Sentinel that watches both.
pub(crate) struct WatchedRedis {
    master: RedisServer,
    _replica: RedisServer,
    sentinel: Child,
    port: u16,
    _folder: TempDir,
}

impl WatchedRedis {
    /// Starts all three; `None`, said loudly, where they cannot be started.
    pub(crate) fn start() -> Option<Self> {
        let master = RedisServer::start()?;
        let replica =
            RedisServer::with(&["--replicaof", &format!("127.0.0.1 {}", master.port()), "--repl-diskless-sync-delay", "0"])?;
        let folder = tempfile::Builder::new().prefix("belvedere-sentinel-").tempdir().unwrap();
        let port = free_port().unwrap();
        let configuration = format!(
            "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor board 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds board 500\nsentinel failover-timeout board 3000\n",
            folder = folder.path().display(),
            master = master.port(),
        );
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let sentinel = command.spawn().unwrap();
        let watched = Self { master, _replica: replica, sentinel, port, _folder: folder };
        watched.wait_until_replicated();
        Some(watched)
    }

    /// The URL by which the Sentinel is asked.
    pub(crate) fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/board", self.port)
    }

    /// Kills the master, and waits until the replica has taken its place.
    pub(crate) fn fail_over(&self) {
        self.master.kill();
        self.wait_until("get-master-addr-by-name", |address| {
            let port = address.get(1).and_then(|port| redis::from_redis_value::<u16>(port.clone()).ok());
            port.is_some_and(|port| port != self.master.port())
        });
    }

    /// Until the Sentinel knows the replica, it has nobody to put in the master's place.
    fn wait_until_replicated(&self) {
        self.wait_until("replicas", |replicas| !replicas.is_empty());
    }

    fn wait_until(&self, question: &str, is_so: impl Fn(&[Value]) -> bool) {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let ask = || {
            let mut connection = client.get_connection().ok()?;
            redis::cmd("SENTINEL").arg(question).arg("board").query::<Vec<Value>>(&mut connection).ok()
        };
        let deadline = Instant::now() + PATIENCE;
        while !ask().is_some_and(|answer| is_so(&answer)) {
            assert!(Instant::now() < deadline, "the Sentinel's {question} stay as they are");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for WatchedRedis {
    fn drop(&mut self) {
        self.sentinel.kill().unwrap();
        self.sentinel.wait().unwrap();
    }
}
