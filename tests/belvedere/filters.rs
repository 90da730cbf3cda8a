//! Filters take no more memory than they are given, and one that wants more takes nothing from other panels.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::demo_server::DemoServer;
use crate::harness::json_server::JsonServer;

/// The memory of its own that a worker may take: what its filter may, its stack, and what it has before.
const MAX_WORKER_BYTES: u64 = 128 * 1024 * 1024;

/// How long the panels may take to show what they have. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Filters that make much out of a text of a mebibyte.
const HUNGRY: [&str; 10] = [
    r#"[.text | match("\\w+"; "g")] | length"#,
    r#"[.text | scan(".")] | length"#,
    r#"[.text | test("a"; "g")] | length"#,
    r#"[.text | capture("(?<x>a)"; "g")] | length"#,
    r#".text | gsub("a"; "bb") | length"#,
    r#"[.text | splits("b")] | length"#,
    ".text | explode | map([., .]) | length",
    r"reduce range(60) as $i ([1]; . + .) | length",
    "[.text | ascii_downcase, ascii_upcase | explode] | length",
    r#"[.text | match(""; "g") | .offset] | add"#,
];

#[tokio::test]
async fn hungry_filters_take_a_bounded_memory_and_no_other_panel() {
    let source = JsonServer::start(json!({ "text": "a b".repeat(340_000), "well": 7 })).await;
    let mut page = "title = \"Hungry\"\naccess = \"public\"\n".to_owned();
    for (at, filter) in HUNGRY.iter().chain(&[".well"]).enumerate() {
        let panel = "kind = \"stat\"\nsource = \"data\"\nevery = \"100ms\"";
        write!(page, "[[panel]]\nid = \"p{at}\"\ntitle = \"{at}\"\n{panel}\nquery = '''{filter}'''\n").unwrap();
    }
    let well = "title = \"Well\"\naccess = \"signed-in\"\n[[panel]]\nid = \"well\"\ntitle = \"Well\"\nkind = \"stat\"\n\
                source = \"data\"\nevery = \"100ms\"\nquery = \".well\"\n";
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", source.url("/"));
    let demo = builder.page("hungry", &page).page("well", well).open().await;
    let mut visitor = demo.house.visitor();
    let began = Instant::now();
    let (mut largest, mut yielding) = (0, 0);
    loop {
        // Each look waits for a moment by itself.
        let panels = visitor.fetches("/api/v1/pages/hungry").await.json()["panels"].clone();
        for (bytes, is_first_to_go) in workers() {
            largest = largest.max(bytes);
            yielding += usize::from(is_first_to_go);
        }
        let in_trouble = (0..HUNGRY.len()).filter(|at| !panels[format!("p{at}")]["trouble"].is_null()).count();
        let well = &panels[format!("p{}", HUNGRY.len())];
        if in_trouble == HUNGRY.len() && well["view"]["figure"]["text"] == "7" {
            assert!(well["trouble"].is_null(), "{well}");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{panels}");
    }
    // While those go on, a member's panel is answered.
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut answered = 0;
    while answered < 5 {
        visitor.fetches("/api/v1/pages/hungry").await;
        let panel = alice.fetches("/api/v1/pages/well").await.json()["panels"]["well"].clone();
        assert!(panel["trouble"].is_null(), "{panel}");
        answered += usize::from(panel["view"]["figure"]["text"] == "7");
        assert!(began.elapsed() < 2 * PATIENCE, "{panel}");
    }
    assert!(largest > 0, "filters run in workers");
    assert!(yielding > 0, "when the machine is out of memory they go before the server");
    assert!(largest <= MAX_WORKER_BYTES, "a worker had {largest} bytes");
}

/// The memory of its own of each worker of this process, and whether the system would end it before others.
fn workers() -> Vec<(u64, bool)> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let own = format!("PPid:\t{}\n", std::process::id());
    let memory = |path: std::path::PathBuf| {
        let status = fs::read_to_string(path.join("status")).ok().filter(|status| status.contains(&own))?;
        let command = fs::read_to_string(path.join("cmdline")).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().strip_suffix(" kB")?;
        let first_to_go = fs::read_to_string(path.join("oom_score_adj")).is_ok_and(|adjustment| adjustment.trim() == "1000");
        command.contains("filter-worker").then(|| (kibibytes.parse::<u64>().unwrap() * 1024, first_to_go))
    };
    processes.filter_map(|process| memory(process.path())).collect()
}
