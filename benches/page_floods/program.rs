//! The measured program, as a process.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::SystemClock;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::inner_source::InnerSource;
use crate::pages;

pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    _directory: DemoDirectory,
    _folder: TempDir,
}

impl Program {
    /// Starts it with our pages, the sample people and the source, and waits until it listens.
    pub(crate) async fn start(program: &Path, source: &InnerSource) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pages")).unwrap();
        pages::write(&folder.path().join("pages"));
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let settings = format!(
            "[default]\naddress = \"127.0.0.1\"\nport = {}\n[default.directory]\nurl = \"{}\"\n\
             [default.sources.stock]\nkind = \"http\"\nurl = \"http://{source}/stock?city={{city}}\"\n\
             [default.sources.text]\nkind = \"http\"\nurl = \"http://{source}/text\"\nmax_bytes = \"2MiB\"\n",
            address.port(),
            directory.url(),
            source = source.address,
        );
        fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
        let program = fs::canonicalize(program).unwrap();
        let child = Command::new(program).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap();
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { address, child, _directory: directory, _folder: folder }
    }

    /// Tells its memory.
    pub(crate) fn sampler(&self) -> MemorySampler {
        MemorySampler { process: self.child.id() }
    }

    /// The memory that it and its children use now, in MiB.
    pub(crate) fn resident_mebibytes(&self) -> u64 {
        self.sampler().resident_mebibytes()
    }
}

/// The memory of a process and its children.
pub(crate) struct MemorySampler {
    process: u32,
}

impl MemorySampler {
    /// What they use now, in MiB.
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

impl Drop for Program {
    fn drop(&mut self) {
        // It has nothing to keep.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
