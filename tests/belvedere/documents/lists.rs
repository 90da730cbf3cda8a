//! Compares the documents' lists of commands, metrics, audit events, error codes and close reasons with the program's.

use std::collections::BTreeSet;
use std::fs;

use belvedere::domain::EndReason;

use super::markdown::{BOOK, document, root};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{belvedere, run_to_end, text};

/// The help text of a command.
async fn help(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    text(&run_to_end(belvedere(folder.path(), &[words, &["--help"]].concat())).await.stdout)
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

/// The options that it lists.
fn options(help: &str) -> BTreeSet<String> {
    let named = |line: &str| line.trim_start().split(' ').find(|word| word.starts_with("--")).map(str::to_owned);
    let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
    lines.filter_map(named).filter(|name| !matches!(&**name, "--help" | "--version")).collect()
}

#[tokio::test]
async fn the_commands_and_options_are_complete() {
    let chapter = document(&format!("{BOOK}/commands.md"));
    let anchors = chapter.anchors();
    let listed = commands(&help(&[]).await);
    let headings: Vec<_> = listed.iter().map(|command| format!("belvedere-{command}")).collect();
    assert_eq!(anchors[1..].iter().collect::<BTreeSet<_>>(), headings.iter().collect::<BTreeSet<_>>());
    for command in &listed {
        let said = help(&[command]).await;
        let (mut options_known, mut commands_known) = (options(&said), BTreeSet::new());
        for act in commands(&said) {
            options_known.extend(options(&help(&[command, &act]).await));
            commands_known.insert(act);
        }
        let heading = format!("belvedere {command}");
        let tables = chapter.tables().into_iter().filter(|table| table.heading == heading);
        let codes: Vec<String> = tables.flat_map(|table| table.rows).map(|row| row[0].text.clone()).collect();
        let option = |code: &String| code.split(' ').next().filter(|word| word.starts_with("--")).map(str::to_owned);
        assert_eq!(codes.iter().filter_map(option).collect::<BTreeSet<_>>(), options_known, "{heading}");
        let act = |code: &String| Some(code.strip_prefix(&*heading)?.split_whitespace().next()?.to_owned());
        assert_eq!(codes.iter().filter_map(act).collect::<BTreeSet<_>>(), commands_known, "{heading}");
    }
}

#[tokio::test]
async fn the_metrics_are_complete() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let builder = DemoServer::builder().await.set("metrics.token", TOKEN).page("members", &page("Members"));
    let demo = builder.open().await;
    // A metric with labels appears with its first value.
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut left = alice.watches("/live/members").await.unwrap();
    left.hears_a("batch").await;
    alice.signs_out().await;
    left.is_closed().await;
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/members").await.unwrap();
    board.hears_a("batch").await;
    let said = demo.house.visitor().with_token(TOKEN).fetches("/metrics").await.body;
    let families = said.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<&str> = families.collect();
    let chapter = document(&format!("{BOOK}/running.md"));
    let tables = chapter.tables();
    let table = tables.iter().find(|table| table.head[0].text == "name").expect("the metrics");
    let documented: BTreeSet<&str> =
        table.rows.iter().map(|row| row[0].text.trim_end_matches("_total").trim_end_matches("_info")).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_audit_events_are_complete() {
    let chapter = document(&format!("{BOOK}/running.md"));
    let tables = chapter.tables();
    let table = tables.iter().find(|table| table.head[0].text == "events").expect("the events");
    let documented: BTreeSet<&str> = table.rows.iter().flat_map(|row| &row[0].codes).map(String::as_str).collect();
    assert_eq!(documented, belvedere::audit::EVENTS.iter().copied().collect());
}

/// The text of a source file.
fn source(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The source files below a folder.
fn rust_files(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() { files.extend(rust_files(&path)) } else { files.push(path) }
    }
    files
}

/// The words of a protocol that stand right behind `mark`.
fn words_after<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = &'t str> {
    let quoted = text.split(mark).skip(1).filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
    quoted.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}

#[test]
fn the_error_codes_are_complete() {
    let refusal = source("src/web/refusal.rs");
    let of_refusals = refusal.split("fn code(&self)").nth(1).and_then(|rest| rest.split("\n    }\n").next()).unwrap();
    let auth: String = rust_files("src/auth").iter().map(|path| source(path)).collect();
    let in_rejections = ["Rejection::new(", "Self::new("].into_iter().flat_map(|mark| words_after(&auth, mark));
    let known: BTreeSet<&str> = words_after(of_refusals, "=> ").chain(in_rejections).collect();
    let tables = document(&format!("{BOOK}/programs.md")).tables();
    let table = tables.iter().find(|table| table.head[0].text == "status").expect("the errors");
    let documented: BTreeSet<&str> = table.rows.iter().flat_map(|row| &row[1].codes).map(String::as_str).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_close_reasons_are_complete_with_their_codes() {
    let source = source("src/live/close_reason.rs");
    let code_of = |reason: &str| {
        let rest = source.split(&format!("\"{reason}\", code")).nth(1).unwrap();
        // The reason for a broken protocol has one of several codes, and this one where the frames were sound.
        rest.strip_prefix(": ").map_or("1008", |digits| digits.split(',').next().unwrap()).to_owned()
    };
    let mut known: BTreeSet<(String, String)> =
        words_after(&source, "Self { reason: ").map(|reason| (reason.to_owned(), code_of(reason))).collect();
    let ends = [EndReason::SignedOut, EndReason::Expired, EndReason::Revoked];
    known.extend(ends.map(|end| (end.as_str().to_owned(), "4401".to_owned())));
    let tables = document(&format!("{BOOK}/live-channel.md")).tables();
    let table = tables.iter().find(|table| table.head[0].text == "reason").expect("the reasons");
    let reasons = table.rows.iter().flat_map(|row| row[0].codes.iter().map(|reason| (reason.clone(), row[1].text.clone())));
    assert_eq!(reasons.collect::<BTreeSet<_>>(), known);
}
