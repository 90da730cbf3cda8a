//! Autobahn's WebSocket test suite, the field's own, against the reader and the frames that live connections use.
//!
//! `tests/autobahn` has the Python that runs the suite's cases; `tests/run` puts the suite into its cache, and says where.

mod echo;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::harness::program::text;
use echo::EchoServer;

/// The variable with the path of the Python that has the suite.
const PYTHON: &str = "BELVEDERE_AUTOBAHN_PYTHON";

/// How long the suite may take. It ends by itself before.
const PATIENCE: Duration = Duration::from_mins(5);

/// Informational cases are those for which the RFC leaves the answer open.
const GOOD: [&str; 2] = ["OK", "INFORMATIONAL"];

/// These offer nothing but a server's window of 512 bytes, which is declined: a batch is deflated once for all.
const DECLINED: [&str; 2] = ["13.3.", "13.5."];

/// The outcome of one case, in the suite's words.
type Outcome = serde_json::Value;

fn is_good(outcome: &Outcome) -> bool {
    let is = |part: &str, words: &[&str]| outcome[part].as_str().is_some_and(|word| words.contains(&word));
    let declined = DECLINED.iter().any(|cases| outcome["id"].as_str().is_some_and(|id| id.starts_with(cases)));
    is("behavior", if declined { &["UNIMPLEMENTED"] } else { &GOOD }) && is("behaviorClose", &GOOD)
}

/// The outcomes of the cases that match; `None` where the suite is not.
async fn run(at_once: usize, patterns: &[&str]) -> Option<Vec<Outcome>> {
    let Some(python) = std::env::var_os(PYTHON) else {
        assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "{PYTHON} is not set; tests/run sets it");
        eprintln!("SKIPPED: {PYTHON} does not say where Autobahn's test suite is; tests/run installs it");
        return None;
    };
    let echo = EchoServer::open().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn/run.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(script).arg(format!("ws://{}/", echo.address)).arg(at_once.to_string()).args(patterns);
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, running).await.expect("the suite ends").unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Names each case that went wrong, and what the suite says of it.
fn assert_good(outcomes: &[Outcome], expected: usize) {
    let bad: Vec<_> = outcomes.iter().filter(|outcome| !is_good(outcome)).map(|bad| format!("{bad:#}")).collect();
    assert!(bad.is_empty(), "{} of {} cases:\n{}", bad.len(), outcomes.len(), bad.join("\n"));
    assert_eq!(outcomes.len(), expected, "every case has an outcome");
}

#[tokio::test]
async fn every_case_about_frames_messages_and_closing_passes() {
    if let Some(outcomes) = run(8, &["*", "!9.*", "!12.*", "!13.*"]).await {
        assert_good(&outcomes, 247);
    }
}

#[tokio::test]
async fn every_case_about_large_and_many_messages_passes() {
    if let Some(outcomes) = run(3, &["9.*"]).await {
        assert_good(&outcomes, 54);
    }
}

#[tokio::test]
async fn every_case_about_compression_passes() {
    if let Some(outcomes) = run(2, &["12.*", "13.*"]).await {
        assert_good(&outcomes, 216);
    }
}
