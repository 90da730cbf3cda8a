//! Checks the documents' configuration for nginx and systemd, and the environment variables that they mention.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::markdown::{CodeBlock, document, documents};
use super::settings::variables;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::free_port::free_port;
use crate::harness::program::{belvedere, run_to_end, text};
use crate::harness::visitor::Visitor;

/// How long nginx may take to listen. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

fn blocks(language: &str) -> Vec<CodeBlock> {
    documents().iter().flat_map(|document| document.blocks_in(language)).collect()
}

/// The path of nginx. Debian installs it where ordinary accounts have no `PATH`.
fn nginx() -> Option<&'static str> {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| fs::exists(path).unwrap_or(false));
    if found.is_none() {
        assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "install nginx-light");
        eprintln!("SKIPPED: there is no nginx; install nginx-light");
    }
    found
}

/// Behind nginx with the documented configuration, people sign in, live pages are live, and the audit has the browser's address.
#[tokio::test]
async fn the_configuration_for_nginx_works() {
    let Some(nginx) = nginx() else { return };
    let blocks = blocks("nginx");
    let [block] = blocks.as_slice() else { panic!("there is one block for nginx") };
    let port = free_port().unwrap();
    let site = format!("http://127.0.0.1:{port}");
    let builder = DemoServer::builder().await.page("members", &page("Members")).set("site.public_url", &*site);
    let demo = builder.set("site.trusted_proxies", vec!["127.0.0.1"]).set("admins.users", vec!["alice"]).open().await;

    let folder = nginx_folder(port, &block.text.replace("http://127.0.0.1:8000", &demo.house.url("")));
    let mut command = Command::new(nginx);
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder.path()).kill_on_drop(true);
    let mut proxy = command.stdin(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(proxy.try_wait().unwrap().is_none() && Instant::now() < deadline, "nginx does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let mut alice = Visitor::new(format!("127.0.0.1:{port}").parse().unwrap()).behind_a_proxy_at("203.0.113.7");
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/members").await.expect("upgrades are passed on");
    board.hears_a("snapshot").await;
    board.hears_a("batch").await;
    // The header sent to nginx is passed on, and trusted because it comes from a trusted address.
    let audit = alice.opens("/admin/audit").await.body;
    assert!(audit.contains("203.0.113.7"), "{audit}");
    // The block on the admin page has the server's own address, and nginx takes it as it is.
    let shown = alice.opens("/admin").await;
    assert!(shown.body.contains(&site.replace('/', "&#x2F;")), "{}", shown.body);
    let location = shown.text_of("aria-label=\"Settings for nginx\"><code").expect("the block");
    assert!(location.contains(&format!("proxy_pass {};", demo.house.url(""))), "{location}");
    let folder = nginx_folder(port, &location);
    let checked =
        Command::new(nginx).args(["-t", "-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder.path()).output().await.unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    proxy.kill().await.unwrap();
}

/// A folder in which nginx serves this location on that port.
fn nginx_folder(port: u16, location: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let temporary: String =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("{what}_temp_path tmp/{what};\n")).concat();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log \
         off;\n{temporary}server {{\nlisten 127.0.0.1:{port};\n{location}\n}}\n}}\n"
    );
    fs::create_dir(folder.path().join("tmp")).unwrap();
    fs::write(folder.path().join("nginx.conf"), settings).unwrap();
    folder
}

#[tokio::test]
async fn the_unit_for_systemd_starts_a_real_command() {
    let blocks = blocks("ini");
    let [unit] = blocks.as_slice() else { panic!("there is one unit") };
    let values = |key: &str| unit.text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect::<Vec<_>>();
    let [starts] = *values("ExecStart") else { panic!("it starts one command") };
    let (program, arguments) = starts.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/belvedere");
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = arguments.split(' ').chain(["--help"]).collect();
    let output = run_to_end(belvedere(folder.path(), &arguments)).await;
    assert!(output.status.success(), "{starts}: {}", text(&output.stderr));
    // The settings in the same chapter, and the text around them, use the unit's folders.
    let chapter = document("docs/src/running.md").text;
    let [folder] = *values("WorkingDirectory") else { panic!("it is set once") };
    let [state] = *values("StateDirectory") else { panic!("it is set once") };
    assert!(chapter.contains(&format!("`{folder}`")) && chapter.contains(&format!("state = \"/var/lib/{state}\"")));
}

/// Environment variables that the documents mention anywhere are the program's.
#[test]
fn every_environment_variable_is_one_of_the_programs() {
    let known: BTreeSet<String> = variables();
    for document in documents() {
        for name in
            document.text.split(|c: char| !c.is_ascii_uppercase() && c != '_').filter(|word| word.starts_with("BELVEDERE_"))
        {
            let is_of_tests = ["BELVEDERE_CACHE", "BELVEDERE_TESTS_"].iter().any(|prefix| name.starts_with(prefix));
            let is_beginning = name.ends_with('_');
            assert!(is_of_tests || is_beginning || known.contains(name), "{}: {name}", document.name);
        }
    }
}
