//! The program under test: a process with a directory, a local account and a page.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::SystemClock;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::common::http_client::HttpClient;

const PAGE: &str = "title = \"Board\"\n\n[[panel]]\nid = \"cpu\"\ntitle = \"CPU\"\nkind = \"stat\"\nsource = \"host\"\n\
                    query = \"cpu.total\"\nevery = \"100ms\"\n";

/// The password of the local account `root`.
pub(crate) const PASSWORD: &str = "lamp otter gravel nine";

pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    /// The `Authorization` header of a script.
    pub(crate) basic: String,
    child: Child,
    _directory: DemoDirectory,
    _folder: TempDir,
}

impl Program {
    pub(crate) async fn start(path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        // Nobody else takes it in the moment until the program does.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        std::fs::write(folder.path().join("pages/own.toml"), PAGE).unwrap();
        let settings = format!(
            "[default]\naddress = \"127.0.0.1\"\nport = {}\nlog_level = \"off\"\n\n[default.directory]\nurl = \"{}\"\n\n\
             [default.site]\ntrusted_proxies = [\"127.0.0.1\"]\n",
            address.port(),
            directory.url()
        );
        std::fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
        run(path, folder.path(), &["account", "add", "root", "--password-stdin"], PASSWORD).await;
        let child = command(path, folder.path(), &["serve"]).spawn().unwrap();
        let basic = format!("Basic {}", BASE64_STANDARD.encode("alice:alice-demo"));
        let program = Self { address, basic, child, _directory: directory, _folder: folder };
        program.wait_until_ready().await;
        program
    }

    async fn wait_until_ready(&self) {
        for _ in 0..600 {
            if let Ok(mut client) = HttpClient::new(self.address).await
                && client.opens("/healthz", None).await.is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the program does not open");
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn command(path: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true);
    command
}

/// Runs a command of the program.
async fn run(path: &str, folder: &Path, arguments: &[&str], typed: &str) {
    let mut input = tempfile::tempfile().unwrap();
    writeln!(input, "{typed}").unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let mut command = command(path, folder, arguments);
    let output = command.stdin(input).stderr(Stdio::piped()).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
