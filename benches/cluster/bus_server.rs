//! A `redis-server` of the benchmark's own, which keeps nothing.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The timeout for it to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running server. It ends when this is dropped.
pub(crate) struct BusServer {
    child: Child,
    port: u16,
}

impl BusServer {
    pub(crate) fn start() -> Self {
        // It takes no port that the system chooses, and tells none.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"];
        let mut command = Command::new("redis-server");
        command.args(arguments).arg(port.to_string()).stdout(Stdio::null()).stdin(Stdio::null());
        let child = command.spawn().expect("install redis-server");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for BusServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
