//! Every line that the documents tell people to type works. Each document is followed from its top to its end, in a folder
//! with settings and pages, beside a running server of the same settings. What would change the machine is not run; of that
//! the commands of this program are held against its own command line.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::markdown::{Document, documents, root};
use crate::credentials_of_clients::is_there;
use crate::harness::accounts::PASSWORD;
use crate::harness::demo_server::DemoServer;
use crate::harness::program::{RunningProgram, text};
use crate::harness::visitor::Visitor;

/// How long a line may take. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The account that searches, in the demo's directory.
const SERVICE_ACCOUNT: &str = "svc-reader@belvedere.example";

/// What a monitoring system shows.
pub(super) const METRICS_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Lines that change the machine or take minutes, and why they may stand unproved.
const NOT_RUN: [(&str, &str); 8] = [
    ("cargo build --release", "tests/run builds the program, in debug form"),
    ("sudo install target/release/belvedere /usr/local/bin/", "it changes the machine"),
    ("sudo useradd --system --user-group belvedere", "it changes the machine"),
    ("sudo systemctl daemon-reload", "it changes the machine"),
    ("sudo systemctl enable --now belvedere", "it changes the machine"),
    ("journalctl --unit belvedere --follow", "there is no such service here"),
    ("tests/run", "this test is a part of it"),
    ("cd /etc/belvedere && sudo -u belvedere belvedere account list", "there is no such service here"),
];

/// A folder beside a running server, in which lines are typed.
pub(super) struct Place {
    pub(super) demo: DemoServer,
    pub(super) token: String,
    folder: TempDir,
    /// What was exported before.
    exported: Vec<String>,
}

impl Place {
    pub(super) async fn new() -> Self {
        let plan = DemoServer::builder().await.sample_pages();
        let plan = plan.set("admins.groups", vec!["dash-admins"]).set("metrics.token", METRICS_TOKEN);
        let plan = plan.set("digest.enabled", true).set("directory.bind_name", SERVICE_ACCOUNT);
        let demo = plan.set("directory.bind_password", "svc-reader-demo").open().await;
        let mut desk = demo.house.visitor();
        desk.signs_in("alice", demo.password("alice")).await;
        let token = desk.makes_a_token("read", 3600).await;
        let place = Self { token, folder: tempfile::tempdir().unwrap(), exported: Vec::new(), demo };
        place.furnish();
        place
    }

    /// Writes the settings that the server has, and puts the program on the path.
    fn furnish(&self) {
        let (here, house) = (self.folder.path(), self.demo.house.folder.path());
        for name in ["pages", "state"] {
            std::os::unix::fs::symlink(house.join(name), here.join(name)).unwrap();
        }
        let settings = format!(
            "[default]\nadmins = {{ groups = [\"dash-admins\"] }}\n\n[default.directory]\nurl = \"{}\"\nbind_name = \
             \"{SERVICE_ACCOUNT}\"\nbind_password = \"svc-reader-demo\"\n\n[default.digest]\nenabled = true\n",
            self.demo.ldap_proxy.url()
        );
        fs::write(here.join("Rocket.toml"), settings).unwrap();
        fs::write(here.join("metrics-token"), METRICS_TOKEN).unwrap();
        fs::create_dir(here.join("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_belvedere"), here.join("bin/belvedere")).unwrap();
    }

    /// The line with what is here in the place of what stands for it.
    pub(super) fn here(&self, line: &str) -> String {
        let line = line.replace("ldaps://dc1.corp.example.com", &self.demo.ldap_proxy.url());
        let line = line.replace("https://boards.corp.example.com", &self.demo.house.url(""));
        let line = line.replace("http://127.0.0.1:8000", &self.demo.house.url(""));
        line.replace("ws://127.0.0.1:8000", &self.demo.house.url("").replace("http", "ws"))
    }

    /// A shell that is about to run this.
    fn shell(&self, script: &str, folder: PathBuf) -> Command {
        let mut shell = Command::new("bash");
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        shell.args(["-euc", &[&*self.exported.join("\n"), script].join("\n")]).current_dir(folder);
        shell.env_clear().env("PATH", path).env("TOKEN", &self.token).env("ROCKET_PORT", "0");
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        shell
    }

    /// Runs it to its end, with a password on its standard input.
    async fn run(&self, script: &str, folder: PathBuf) -> Output {
        let mut child = self.shell(script, folder).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that asks for nothing may have closed it.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{PASSWORD}\n").as_bytes()).await;
        drop(stdin);
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the line ends").unwrap()
    }

    /// Does what somebody does who follows the document.
    async fn follow(&mut self, line: &str, place: &str) {
        let words = words_of(line);
        let succeeds = |output: Output| {
            let (said, complained) = (text(&output.stdout), text(&output.stderr));
            assert!(output.status.success(), "{place}: {line}\n{said}\n{complained}");
        };
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            _ if NOT_RUN.iter().any(|(known, _)| *known == line) => {
                if let Some((_, arguments)) = line.split_once("sudo -u belvedere belvedere ") {
                    self.is_a_command(arguments, place).await;
                }
            }
            ["cargo", "run", "--", ..] => self.is_a_command(line.split_once("-- ").unwrap().1, place).await,
            ["cargo", "bench", "--bench", bench, ..] => {
                assert!(root().join(format!("benches/{bench}/main.rs")).exists(), "{place}: there is no bench {bench}");
            }
            ["export", assigned] if assigned.starts_with("TOKEN=") => {}
            ["export", ..] => self.exported.push(line.to_owned()),
            // Somebody who types a password at a terminal is somebody who pipes it here.
            ["belvedere", "account", "add" | "password", ..] => {
                let typed = format!("{} --password-stdin", self.here(line));
                succeeds(self.run(&typed, self.folder.path().to_owned()).await);
            }
            ["belvedere", "init", .., "--save-ca" | "--ca-file", _] => {
                self.is_a_command(line.split_once(' ').unwrap().1, place).await;
            }
            ["belvedere", "init", ..] => {
                let empty = tempfile::tempdir().unwrap();
                succeeds(self.run(&self.here(line), empty.path().to_owned()).await);
                assert!(empty.path().join("Rocket.toml").exists(), "{place}: {line}");
            }
            [.., "belvedere"] | ["belvedere", "serve"] => {
                let elsewhere = format!("BELVEDERE_STATE={}", tempfile::tempdir().unwrap().path().display());
                let server =
                    self.shell(&format!("exec env {elsewhere} {}", self.here(line)), self.folder.path().to_owned());
                let mut server = RunningProgram::start(server);
                let address = server.is_open_at().await;
                Visitor::new(address).opens("/").await;
                server.ends_after("TERM").await;
            }
            ["belvedere", ..] => succeeds(self.run(&self.in_time(line), self.folder.path().to_owned()).await),
            ["curl", ..] => {
                let patient = self.here(line).replacen("curl", "curl --silent --show-error --fail-with-body", 1);
                let patient = patient.replace("--user wall-1", &format!("--user 'wall-1:{PASSWORD}'"));
                fs::write(self.folder.path().join("metrics-token"), METRICS_TOKEN).unwrap();
                let output = self.run(&patient, self.folder.path().to_owned()).await;
                let body = text(&output.stdout);
                succeeds(output);
                let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
                assert!(is_json || !line.contains("/api/"), "{place}: {line}: {body}");
            }
            ["openssl" | "tar", ..] => succeeds(self.run(line, self.folder.path().to_owned()).await),
            _ => panic!("{place}: nobody knows whether this works: {line}"),
        }
    }

    /// The line with a day that is not over yet.
    fn in_time(&self, line: &str) -> String {
        self.here(line).replace("2027-01-31", "2999-01-31")
    }

    /// Whether the program's own command line takes these arguments. Nothing is done.
    async fn is_a_command(&self, arguments: &str, place: &str) {
        let output = self.run(&format!("belvedere {arguments} --help"), self.folder.path().to_owned()).await;
        assert!(output.status.success(), "{place}: {arguments}\n{}", text(&output.stderr));
    }
}

/// The lines of a block, without its comments, each as it is typed.
fn lines_of(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", "");
    let typed = joined.lines().map(|line| line.split("   # ").next().unwrap().trim().to_owned());
    typed.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The words of a line, without what is set for it.
fn words_of(line: &str) -> Vec<String> {
    let is_set = |word: &&str| {
        word.contains('=') && !word.starts_with('-') && word.starts_with(|c: char| c.is_ascii_uppercase())
    };
    line.split_whitespace().skip_while(is_set).map(str::to_owned).collect()
}

async fn follow(document: &Document) {
    let blocks = document.blocks_in("sh");
    if blocks.is_empty() {
        return;
    }
    let mut place = Place::new().await;
    for block in blocks {
        for line in lines_of(&block.text) {
            place.follow(&line, &block.place).await;
        }
    }
}

#[tokio::test]
async fn every_line_of_shell_does_what_it_stands_there_for() {
    if !is_there("curl").await {
        return;
    }
    for document in documents() {
        follow(&document).await;
    }
}

#[tokio::test]
async fn a_command_that_is_none_is_found() {
    let place = Place::new().await;
    let folder = place.folder.path().to_owned();
    for wrong in ["acount list", "account list --jsn", "token add --persn alice"] {
        let output = place.run(&format!("belvedere {wrong} --help"), folder.clone()).await;
        assert!(!output.status.success(), "{wrong}");
    }
}
