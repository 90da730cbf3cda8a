//! Runs every line of the documents' shell blocks. Each document is followed from top to bottom, in a folder with settings and
//! pages, next to a running server with the same settings. Lines that would change the machine are not run; where they contain a
//! command of this program, its arguments are parsed.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::markdown::{MarkdownFile, documents, root};
use crate::credentials_of_clients::is_there;
use crate::harness::accounts::PASSWORD;
use crate::harness::demo_server::DemoServer;
use crate::harness::program::{RunningProgram, text};
use crate::harness::visitor::Visitor;

/// How long a line may take. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The service account of the demo directory.
const SERVICE_ACCOUNT: &str = "svc-reader@belvedere.example";

/// The server's metrics token.
pub(super) const METRICS_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Lines that are not run, and why.
const NOT_RUN: [(&str, &str); 10] = [
    ("cargo build --release", "it takes minutes, and tests/run builds the program anyway"),
    ("sudo install target/release/belvedere /usr/local/bin/", "it changes the machine"),
    ("sudo useradd --system --user-group belvedere", "it changes the machine"),
    ("sudo systemctl daemon-reload", "it changes the machine"),
    ("sudo systemctl enable --now belvedere", "it changes the machine"),
    ("journalctl --unit belvedere --follow", "there is no such service here"),
    ("sudo -u postgres createuser --pwprompt belvedere", "it asks for a password"),
    ("sudo -u postgres createdb --owner belvedere belvedere", "no database server runs here"),
    ("tests/run", "this test is a part of it"),
    ("cd /etc/belvedere && sudo -u belvedere belvedere account list", "there is no such service here"),
];

/// A working directory next to a running server, in which lines are run.
pub(super) struct ShellSession {
    pub(super) demo: DemoServer,
    pub(super) token: String,
    folder: TempDir,
    /// The `export` lines so far.
    exported: Vec<String>,
}

impl ShellSession {
    pub(super) async fn new() -> Self {
        let builder = DemoServer::builder().await.sample_pages();
        let builder = builder.set("admins.groups", vec!["dash-admins"]).set("metrics.token", METRICS_TOKEN);
        let builder = builder.set("digest.enabled", true).set("directory.bind_name", SERVICE_ACCOUNT);
        let demo = builder.set("directory.bind_password", "svc-reader-demo").open().await;
        let mut desk = demo.house.visitor();
        desk.signs_in("alice", demo.password("alice")).await;
        let token = desk.makes_a_token("read", 3600).await;
        let session = Self { token, folder: tempfile::tempdir().unwrap(), exported: Vec::new(), demo };
        session.prepare_folder();
        session
    }

    /// Writes a `Rocket.toml` with the server's settings, and puts the program on the `PATH`.
    fn prepare_folder(&self) {
        let (here, house) = (self.folder.path(), self.demo.house.folder.path());
        for name in ["pages", "state"] {
            std::os::unix::fs::symlink(house.join(name), here.join(name)).unwrap();
        }
        let settings = format!(
            "[default]\nadmins = {{ groups = [\"dash-admins\"] }}\n\n[default.directory]\nurl = \"{}\"\nbind_name = \
             \"{SERVICE_ACCOUNT}\"\nbind_password = \"svc-reader-demo\"\n\n[default.digest]\nenabled = true\n\n[default.sources.boards]\n\
             kind = \"http\"\nurl = \"{}\"\n",
            self.demo.ldap_proxy.url(),
            self.demo.house.url("/api/v1/pages/welcome"),
        );
        fs::write(here.join("Rocket.toml"), settings).unwrap();
        fs::write(here.join("metrics-token"), METRICS_TOKEN).unwrap();
        fs::create_dir(here.join("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_belvedere"), here.join("bin/belvedere")).unwrap();
    }

    /// The line with the documents' example addresses and dates replaced by real ones.
    pub(super) fn with_real_values(&self, line: &str) -> String {
        let line = line.replace("ldaps://dc1.corp.example.com", &self.demo.ldap_proxy.url());
        let line = line.replace("https://boards.corp.example.com", &self.demo.house.url(""));
        let line = line.replace("http://127.0.0.1:8000", &self.demo.house.url(""));
        let line = line.replace("2027-01-31", "2999-01-31");
        line.replace("ws://127.0.0.1:8000", &self.demo.house.url("").replace("http", "ws"))
    }

    /// A shell that will run `script`.
    fn shell(&self, script: &str, folder: PathBuf) -> Command {
        let mut shell = Command::new("bash");
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        shell.args(["-euc", &[&*self.exported.join("\n"), script].join("\n")]).current_dir(folder);
        shell.env_clear().env("PATH", path).env("TOKEN", &self.token).env("ROCKET_PORT", "0");
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        shell
    }

    /// Runs `script` to its end, with a password on its standard input.
    async fn run(&self, script: &str, folder: PathBuf) -> Output {
        let mut child = self.shell(script, folder).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that reads nothing may have closed it.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{PASSWORD}\n").as_bytes()).await;
        drop(stdin);
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the line ends").unwrap()
    }

    /// Runs `script` in the session's folder; it must succeed. Returns what it printed.
    async fn succeeds(&self, script: &str, place: &str) -> String {
        let output = self.run(script, self.folder.path().to_owned()).await;
        let (printed, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{place}: {script}\n{printed}\n{complained}");
        printed
    }

    /// Runs a line, or checks it in another way where it cannot be run.
    async fn follow(&mut self, line: &str, place: &str) {
        let (words, real) = (words_of(line), self.with_real_values(line));
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            _ if NOT_RUN.iter().any(|(known, _)| *known == line) => {
                if let Some((_, arguments)) = line.split_once("sudo -u belvedere belvedere ") {
                    self.parses(arguments, place).await;
                }
            }
            ["cargo", "run", "--", ..] => self.parses(line.split_once("-- ").unwrap().1, place).await,
            ["cargo", "bench", "--bench", bench, ..] => {
                assert!(root().join(format!("benches/{bench}/main.rs")).exists(), "{place}: there is no bench {bench}");
            }
            ["export", assigned] if assigned.starts_with("TOKEN=") => {}
            ["export", ..] => self.exported.push(line.to_owned()),
            [.., "belvedere"] | ["belvedere", "serve"] => self.serves(&real).await,
            ["belvedere", "init", .., "--save-ca" | "--ca-file", _] => {
                self.parses(line.split_once(' ').unwrap().1, place).await;
            }
            ["belvedere", "init", ..] => {
                let empty = tempfile::tempdir().unwrap();
                let output = self.run(&real, empty.path().to_owned()).await;
                assert!(output.status.success(), "{place}: {line}\n{}", text(&output.stderr));
                assert!(empty.path().join("Rocket.toml").exists(), "{place}: {line}");
            }
            // There is no terminal to type a password at.
            ["belvedere", "account", "add" | "password", ..] => {
                self.succeeds(&format!("{real} --password-stdin"), place).await;
            }
            ["curl", ..] => self.fetches(&real, place).await,
            ["belvedere" | "openssl" | "tar", ..] => drop(self.succeeds(&real, place).await),
            _ => panic!("{place}: no test knows how to check this line: {line}"),
        }
    }

    /// Starts a server with that line, and stops it once it has answered a request.
    async fn serves(&self, line: &str) {
        let state = tempfile::tempdir().unwrap();
        let script = format!("exec env BELVEDERE_STATE={} {line}", state.path().display());
        let mut server = RunningProgram::start(self.shell(&script, self.folder.path().to_owned()));
        let address = server.is_open_at().await;
        Visitor::new(address).opens("/").await;
        server.ends_after("TERM").await;
    }

    /// Runs curl, which must not be refused. The program's interface answers with JSON.
    async fn fetches(&self, line: &str, place: &str) {
        // The line before has written a random one.
        fs::write(self.folder.path().join("metrics-token"), METRICS_TOKEN).unwrap();
        let line = line.replacen("curl", "curl --silent --show-error --fail-with-body", 1);
        let line = line.replace("--user wall-1", &format!("--user 'wall-1:{PASSWORD}'"));
        let body = self.succeeds(&line, place).await;
        let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
        assert!(is_json || !line.contains("/api/"), "{place}: {line}: {body}");
    }

    /// The program's command line must accept these arguments. Nothing is executed.
    async fn parses(&self, arguments: &str, place: &str) {
        self.succeeds(&format!("belvedere {arguments} --help"), place).await;
    }
}

/// The lines of a block, without comments.
fn lines_of(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", "");
    let typed = joined.lines().map(|line| line.split("   # ").next().unwrap().trim().to_owned());
    typed.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The words of a line, without the variables set before the command.
fn words_of(line: &str) -> Vec<String> {
    let is_assignment =
        |word: &&str| word.contains('=') && !word.starts_with('-') && word.starts_with(|c: char| c.is_ascii_uppercase());
    line.split_whitespace().skip_while(is_assignment).map(str::to_owned).collect()
}

async fn follow(document: &MarkdownFile) {
    let blocks = document.blocks_in("sh");
    if blocks.is_empty() {
        return;
    }
    let mut session = ShellSession::new().await;
    for block in blocks {
        for line in lines_of(&block.text) {
            session.follow(&line, &block.place).await;
        }
    }
}

#[tokio::test]
async fn every_line_of_shell_works() {
    if !is_there("curl").await {
        return;
    }
    for document in documents() {
        follow(&document).await;
    }
}

#[tokio::test]
async fn an_unknown_command_or_option_is_found() {
    let session = ShellSession::new().await;
    for wrong in ["acount list", "account list --jsn", "token add --persn alice"] {
        let output = session.run(&format!("belvedere {wrong} --help"), session.folder.path().to_owned()).await;
        assert!(!output.status.success(), "{wrong}");
    }
}
