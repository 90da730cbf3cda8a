//! What the documents say to write for a proxy and for systemd works, as far as it can be tried here.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::markdown::{Block, document, documents};
use super::settings::variables;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{belvedere, run_to_end, text};
use crate::harness::visitor::Visitor;

/// How long nginx may take to listen. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

fn blocks(language: &str) -> Vec<Block> {
    documents().iter().flat_map(|document| document.blocks_in(language)).collect()
}

/// Where Debian has it, which is on no ordinary account's path.
fn nginx() -> Option<&'static str> {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| fs::exists(path).unwrap_or(false));
    if found.is_none() {
        assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "install nginx-light");
        eprintln!("SKIPPED: there is no nginx; install nginx-light");
    }
    found
}

/// Behind nginx, set up as the document says, people sign in, a live page is live, and the address that is written down is the
/// browser's.
#[tokio::test]
async fn what_stands_there_for_nginx_makes_a_proxy() {
    let Some(nginx) = nginx() else { return };
    let blocks = blocks("nginx");
    let [block] = blocks.as_slice() else { panic!("there is one block for nginx") };
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let site = format!("http://127.0.0.1:{port}");
    let plan = DemoServer::builder().await.page("members", &page("Members")).set("site.public_url", &*site);
    let demo = plan.set("site.trusted_proxies", vec!["127.0.0.1"]).set("admins.users", vec!["alice"]).open().await;

    let folder = tempfile::tempdir().unwrap();
    let of_this_server = block.text.replace("http://127.0.0.1:8000", &demo.house.url(""));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path tmp/{what};\n"))
        .concat();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}server {{\nlisten \
         127.0.0.1:{port};\n{of_this_server}\n}}\n}}\n"
    );
    fs::create_dir(folder.path().join("tmp")).unwrap();
    fs::write(folder.path().join("nginx.conf"), settings).unwrap();
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
    // What the browser's own proxy said is passed on too, and believed, since it asks from a machine that is.
    let audit = alice.opens("/admin/audit").await.body;
    assert!(audit.contains("203.0.113.7"), "{audit}");
    proxy.kill().await.unwrap();
}

#[tokio::test]
async fn the_unit_for_systemd_starts_a_command_that_there_is() {
    let blocks = blocks("ini");
    let [unit] = blocks.as_slice() else { panic!("there is one unit") };
    let values =
        |key: &str| unit.text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect::<Vec<_>>();
    let [starts] = *values("ExecStart") else { panic!("it starts one command") };
    let (program, arguments) = starts.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/belvedere");
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = arguments.split(' ').chain(["--help"]).collect();
    let output = run_to_end(belvedere(folder.path(), &arguments)).await;
    assert!(output.status.success(), "{starts}: {}", text(&output.stderr));
    let chapter = document("docs/src/running.md").text;
    for key in ["User", "WorkingDirectory", "StateDirectory"] {
        let [value] = *values(key) else { panic!("{key} is set once") };
        assert!(
            chapter.contains(&format!("`{value}`"))
                || chapter.contains(&format!(" {value}\n"))
                || chapter.contains(&format!("/{value}\"")),
            "{key}={value}"
        );
    }
}

/// Variables that the documents name in passing are variables of the program.
#[test]
fn every_variable_that_is_named_is_one_of_the_programs() {
    let known: BTreeSet<String> = variables();
    for document in documents() {
        for name in document
            .text
            .split(|c: char| !c.is_ascii_uppercase() && c != '_')
            .filter(|word| word.starts_with("BELVEDERE_"))
        {
            let is_of_tests = ["BELVEDERE_CACHE", "BELVEDERE_TESTS_"].iter().any(|prefix| name.starts_with(prefix));
            let is_beginning = name.ends_with('_');
            assert!(is_of_tests || is_beginning || known.contains(name), "{}: {name}", document.name);
        }
    }
}
