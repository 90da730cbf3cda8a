//! Compares the documents' JSON with what the program sends and accepts, and runs their Python programs.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use super::markdown::{CodeBlock, documents};
use super::shell::ShellSession;
use crate::credentials_of_clients::is_there;
use crate::harness::demo_server::{DemoServer, page};

/// How long a program may take. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many batches are compared: two seconds of them.
const BATCHES: usize = 20;

/// Objects whose keys are chosen by authors of pages.
const CHOSEN: [&str; 3] = ["panels", "inputs", "values"];

/// A page with a judged number, a text that changes, and a chart.
const BOARD: &str = r#"
title = "Board"
about = "Of everything something."

[[panel]]
title = "CPU"
kind = "stat"
source = "host"
query = "cpu.total"
every = "100ms"
unit = "percent"
thresholds = [{ at = 80, state = "warn" }]

[[panel]]
title = "Time"
kind = "stat"
source = "clock"
query = "time"
every = "100ms"

[[panel]]
title = "Load"
kind = "line"
source = "host"
query = "load.1"
every = "100ms"
window = "1m"
"#;

fn blocks(language: &str) -> Vec<CodeBlock> {
    documents().iter().flat_map(|document| document.blocks_in(language)).collect()
}

/// The paths of all fields; keys chosen by authors are `*`.
fn shape(value: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    walk(value, "", false, &mut paths);
    paths
}

fn walk(value: &Value, path: &str, chosen: bool, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{}", if chosen { "*" } else { name });
                walk(value, &path, CHOSEN.contains(&name.as_str()) && !value.is_array(), paths);
                paths.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{path}[]"), false, paths)),
        _ => {}
    }
}

/// The key that tells messages and answers apart: their type, or else the names of their fields.
fn sort_of(value: &Value) -> String {
    match &value["type"] {
        Value::String(word) => word.clone(),
        _ => value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Every kind of message and answer that the program sends.
async fn samples() -> Vec<Value> {
    let builder = DemoServer::builder().await.set("live.heartbeat", "1s").sample_pages().page("board", BOARD);
    let demo = builder.page("members", &page("Members")).open().await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read:board read:cities", 3600).await;
    let mut script = demo.house.visitor().with_token(&token);
    let mut samples = Vec::new();
    // After this request, the first snapshot of the page is complete.
    for path in ["/api/v1/pages", "/api/v1/pages/cities?city=NYC", "/api/v1/pages/members", "/api/v1/pages/board"] {
        samples.push(script.fetches(path).await.json());
    }
    samples.push(script.asks_for_a_signed_token(None).await.json());
    let mut board = script.watches_from(None, "/live/board").await.unwrap();
    for kind in ["hello", "snapshot", "ping"].into_iter().chain([["batch"; BATCHES]].concat()) {
        samples.push(board.hears_a(kind).await);
    }
    demo.house.shut_down().await;
    samples.extend(board.is_closed().await.bye);
    samples
}

#[tokio::test]
async fn every_block_of_json_is_like_what_the_program_sends_or_accepts() {
    let samples = samples().await;
    let demo = DemoServer::builder().await.sample_pages().open().await;
    let mut board = demo.house.visitor().watches("/live/cities").await.unwrap();
    board.hears_a("snapshot").await;
    for block in blocks("json") {
        let shown: Value = serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{}: {error}", block.place));
        if shown["type"] == "inputs" {
            board.says(&shown.to_string()).await;
            board.hears_a("snapshot").await;
            continue;
        }
        let sort = sort_of(&shown);
        let alike: Vec<&Value> = samples.iter().filter(|sample| sort_of(sample) == sort).collect();
        assert!(!alike.is_empty(), "{}: nothing like it is sent: {sort}", block.place);
        let sent: BTreeSet<String> = alike.iter().flat_map(|sample| shape(sample)).collect();
        let unknown: Vec<_> = shape(&shown).into_iter().filter(|path| !sent.contains(path)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?} is not among {sent:?}", block.place);
        let top = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(top(&shown), top(alike[0]), "{}", block.place);
    }
}

#[tokio::test]
async fn every_program_in_python_watches_a_page() {
    if !is_there("/usr/bin/python3").await {
        return;
    }
    let session = ShellSession::new().await;
    for block in blocks("python") {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", &session.with_real_values(&block.text)]).env("TOKEN", &session.token).env_remove("http_proxy");
        command.env_remove("HTTP_PROXY").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let (printed, mut complained) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut printed = BufReader::new(printed).lines();
        let mut heard = String::new();
        while !heard.contains("batch") {
            let line = tokio::time::timeout(PATIENCE, printed.next_line()).await.expect("it prints on").unwrap();
            let Some(line) = line else {
                let mut why = String::new();
                complained.read_to_string(&mut why).await.unwrap();
                panic!("{}: it ended: {heard}{why}", block.place);
            };
            heard.extend([&*line, "\n"]);
        }
        assert!(heard.starts_with("hello []\nsnapshot ['"), "{}: {heard}", block.place);
    }
}
