//! Compares the reference of page files with the program: keys, kinds, queries, defaults. Its examples must be valid.

use std::collections::BTreeSet;
use std::path::Path;

use belvedere::pages::{PageFile, read_page};

use super::markdown::{BOOK, MarkdownCell, document};
use crate::harness::program::{belvedere, run_to_end, text};

/// A key, query or kind that does not exist, and resembles none that does.
const NONSENSE: &str = "zzzzzzzzzzzzzzzz";

/// A row of the reference.
struct PageKeyRow {
    name: String,
    default: Option<String>,
    /// `span = 8`, where there is a complete one.
    example: Option<String>,
}

fn keys(chapter: &str, heading: &str) -> Vec<PageKeyRow> {
    let rows = document(&format!("{BOOK}/{chapter}.md")).keys_under(heading);
    let key = |row: &Vec<MarkdownCell>| PageKeyRow {
        name: row[0].only_code().unwrap_or_else(|| panic!("{}: a key", row[0].text)).to_owned(),
        default: row[1].only_code().map(str::to_owned),
        example: row[2].only_code().map(str::to_owned),
    };
    rows.iter().map(key).collect()
}

fn names(keys: &[PageKeyRow]) -> BTreeSet<String> {
    keys.iter().map(|key| key.name.clone()).collect()
}

/// The kinds of panels, with the width of each.
fn kinds() -> Vec<(String, String)> {
    let tables = document(&format!("{BOOK}/panels.md")).tables();
    let table = tables.iter().find(|table| table.heading == "Kinds").expect("the kinds");
    table.rows.iter().map(|row| (row[0].text.clone(), row[1].text.clone())).collect()
}

/// All keys of panels of a kind.
fn keys_of_kind(kind: &str) -> Vec<PageKeyRow> {
    let mut all = keys("panels", "Keys of every panel");
    if kind != "text" {
        all.extend(keys("panels", "Keys of panels with a source"));
    }
    let tables = document(&format!("{BOOK}/panels.md")).tables();
    if tables.iter().any(|table| table.heading == kind) {
        all.extend(keys("panels", kind));
    }
    all
}

/// A panel of that kind with this line in it, and without another of the same key.
fn panel(kind: &str, key: &str, line: &str) -> String {
    let rest = match kind {
        "text" => "text = \"x\"\n",
        "stat" => "title = \"T\"\nsource = \"host\"\nquery = \"uptime\"\nsparkline = true\n",
        "gauge" => "title = \"T\"\nsource = \"host\"\nquery = \"uptime\"\nunit = \"percent\"\n",
        _ => "title = \"T\"\nsource = \"host\"\nquery = \"uptime\"\n",
    };
    let panel = format!("kind = \"{kind}\"\n{rest}");
    let kept: Vec<&str> = panel.lines().filter(|line| !is_of(line, key)).collect();
    format!("title = \"P\"\n[[panel]]\n{}\n{line}\n", kept.join("\n"))
}

fn is_of(line: &str, key: &str) -> bool {
    line.split('=').next().is_some_and(|name| name.trim() == key)
}

fn read(text: &str) -> PageFile {
    let page = read_page(Path::new("pages/p.toml"), text).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
    PageFile { text: String::new(), ..page }
}

/// The program's help text for a page that is wrong.
fn help_for(text: &str) -> String {
    let faults = read_page(Path::new("pages/p.toml"), text).expect_err("it is wrong");
    faults.iter().map(|fault| fault.help.clone()).collect::<Vec<_>>().join("\n")
}

/// The words that the program lists when it meets an unknown one.
fn listed(help: &str) -> BTreeSet<String> {
    help.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The page must mean the same with the default written and without; and the example must be valid.
fn check_row(key: &PageKeyRow, page: impl Fn(&str) -> String) {
    if let Some(default) = &key.default {
        let written = format!("{} = {default}", key.name);
        assert_eq!(format!("{:?}", read(&page(&written))), format!("{:?}", read(&page(""))), "{written}");
    }
    if let Some(example) = &key.example {
        assert!(is_of(example, &key.name), "{example} is no example of {}", key.name);
        read(&page(example));
    }
}

#[test]
fn the_keys_of_a_page_are_complete_and_right() {
    let keys = keys("pages", "Keys of a page");
    assert_eq!(names(&keys), listed(&help_for(&format!("title = \"P\"\n{NONSENSE} = 1\n"))));
    for key in &keys {
        let title = if key.name == "title" { "" } else { "title = \"P\"\n" };
        check_row(key, |line| format!("{title}{line}\n"));
    }
}

#[test]
fn the_keys_of_access_are_complete_and_right() {
    let keys = keys("pages", "Who may open it");
    let wrong = format!("title = \"P\"\naccess = {{ users = [\"a\"], {NONSENSE} = 1 }}\n");
    assert_eq!(names(&keys), listed(&help_for(&wrong)));
    for key in &keys {
        let other = if key.name == "users" { "groups" } else { "users" };
        check_row(key, |line| {
            let line = if line.is_empty() { String::new() } else { format!(", {line}") };
            format!("title = \"P\"\naccess = {{ {other} = [\"x\"]{line} }}\n")
        });
    }
}

#[test]
fn the_kinds_of_panels_are_complete_with_their_widths() {
    let kinds = kinds();
    let known = listed(&help_for(&format!("title = \"P\"\n[[panel]]\ntitle = \"T\"\nkind = \"{NONSENSE}\"\n")));
    assert_eq!(kinds.iter().map(|(kind, _)| kind.clone()).collect::<BTreeSet<_>>(), known);
    for (kind, width) in kinds {
        assert_eq!(read(&panel(&kind, "", "")).panels[0].span.to_string(), width, "{kind}");
    }
}

#[test]
fn the_keys_of_every_kind_of_panel_are_complete_and_right() {
    for (kind, _) in kinds() {
        let keys = keys_of_kind(&kind);
        assert_eq!(names(&keys), listed(&help_for(&panel(&kind, "", &format!("{NONSENSE} = 1")))), "{kind}");
        for key in keys.iter().filter(|key| key.name != "kind") {
            check_row(key, |line| panel(&kind, &key.name, line));
        }
    }
}

#[test]
fn the_keys_of_thresholds_are_complete_and_right() {
    let keys = keys("panels", "Thresholds");
    let page = |entries: &str| panel("stat", "", &format!("thresholds = [{{ {entries} }}]"));
    assert_eq!(names(&keys), listed(&help_for(&page(&format!("at = 1, state = \"warn\", {NONSENSE} = 1")))));
    for key in &keys {
        let others: Vec<&str> = ["at = 80", "state = \"warn\""].into_iter().filter(|entry| !is_of(entry, &key.name)).collect();
        check_row(key, |line| {
            page(&[&others[..], &[line]].concat().into_iter().filter(|e| !e.is_empty()).collect::<Vec<_>>().join(", "))
        });
    }
}

#[test]
fn the_keys_of_an_input_are_complete_and_right() {
    let keys = keys("inputs", "Keys of an input");
    let lines = ["name = \"city\"", "kind = \"dropdown\"", "options = [\"LA\", \"NYC\"]"];
    let page = |without: &str, line: &str| {
        let kept: Vec<&str> = lines.into_iter().filter(|line| !is_of(line, without)).collect();
        format!("title = \"P\"\n[[input]]\n{}\n{line}\n", kept.join("\n"))
    };
    assert_eq!(names(&keys), listed(&help_for(&page("", &format!("{NONSENSE} = 1")))));
    for key in &keys {
        check_row(key, |line| page(&key.name, line));
    }
}

/// The program's message about an unknown query to a source.
async fn unknown_query_error(source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let page = panel("table", "", "").replace("host", source).replace("uptime", NONSENSE);
    std::fs::write(folder.path().join("pages/p.toml"), page).unwrap();
    let mut command = belvedere(folder.path(), &["check"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldaps://dc1.corp.example.com");
    text(&run_to_end(command).await.stderr)
}

#[tokio::test]
async fn the_queries_of_the_built_in_sources_are_complete() {
    let tables = document(&format!("{BOOK}/sources.md")).tables();
    for (source, heading, list) in
        [("host", "host: the machine Belvedere runs on", "it answers "), ("clock", "clock: the time, anywhere", "it tells ")]
    {
        let table = tables.iter().find(|table| table.heading == heading).unwrap_or_else(|| panic!("{heading}"));
        let first_word = |row: &Vec<MarkdownCell>| row[0].text.split(' ').next().unwrap().to_owned();
        let documented: BTreeSet<String> = table.rows.iter().map(first_word).collect();
        let said = unknown_query_error(source).await;
        let known = said.split(list).nth(1).unwrap_or_else(|| panic!("{said}")).lines().next().unwrap();
        assert_eq!(documented, known.trim().split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), "{source}");
    }
}
