//! The measured program: a process with a directory, a local account, pages and a source.

use std::fs;
use std::io::{Seek as _, Write as _};
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
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::inner_source::InnerSource;
use crate::pages;

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
    /// Starts it, and waits until it listens.
    pub(crate) async fn start(program: &Path, source: &InnerSource) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pages", "state"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        pages::write(&folder.path().join("pages"));
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        // Nobody else takes it in the moment until the program does.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = format!(
            "[default]\naddress = \"127.0.0.1\"\nport = {}\nlog_level = \"off\"\n\n[default.directory]\nurl = \"{}\"\n\n\
             [default.site]\ntrusted_proxies = [\"127.0.0.1\"]\n\n\
             [default.sources.stock]\nkind = \"http\"\nurl = \"http://{source}/stock?city={{city}}\"\n\n\
             [default.sources.text]\nkind = \"http\"\nurl = \"http://{source}/text\"\nmax_bytes = \"2MiB\"\n",
            address.port(),
            directory.url(),
            source = source.address,
        );
        fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
        let program = fs::canonicalize(program).unwrap();
        run(&program, folder.path(), &["account", "add", "root", "--password-stdin"], PASSWORD).await;
        let child = command(&program, folder.path(), &["serve"]).spawn().unwrap();
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let basic = format!("Basic {}", BASE64_STANDARD.encode("alice:alice-demo"));
        Self { address, basic, child, _directory: directory, _folder: folder }
    }

    /// Tells its memory.
    pub(crate) fn sampler(&self) -> MemorySampler {
        MemorySampler { process: self.child.id().unwrap() }
    }
}

fn command(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It has nothing to keep.
    command.kill_on_drop(true);
    command
}

/// Runs a command of the program.
async fn run(program: &Path, folder: &Path, arguments: &[&str], typed: &str) {
    let mut input = tempfile::tempfile().unwrap();
    writeln!(input, "{typed}").unwrap();
    input.rewind().unwrap();
    let output = command(program, folder, arguments).stdin(input).stderr(Stdio::piped()).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The memory of a process and its children.
pub(crate) struct MemorySampler {
    process: u32,
}

impl MemorySampler {
    /// The resident memory of all of them now, in MiB.
    pub(crate) fn resident_mebibytes(&self) -> u64 {
        let parent = format!("PPid:\t{}\n", self.process);
        let of_process = |path: &Path| {
            let status = fs::read_to_string(path.join("status")).ok()?;
            let is_ours = path.ends_with(self.process.to_string()) || status.contains(&parent);
            let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
            is_ours.then(|| kibibytes.parse::<u64>().unwrap_or_default() / 1024)
        };
        fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter_map(|entry| of_process(&entry.path())).sum()
    }
}
