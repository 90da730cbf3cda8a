//! Every block of TOML is read by the program itself: settings as `Rocket.toml`, pages as files in the folder of pages,
//! which its first line says.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::markdown::{Block, documents};
use crate::harness::certificates::TestAuthority;
use crate::harness::program::{belvedere, run_to_end, text};

/// Settings that everything else can be added to.
const URL: &str = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";

/// Where the documents keep files that settings name. A test has no such place.
const ELSEWHERE: &str = "/etc/belvedere/";

/// What a block is, as its first line says it.
enum Meant {
    Settings,
    /// A page, and its file.
    Page(String),
}

fn meant(block: &Block) -> Meant {
    let first = block.text.lines().next().unwrap_or_default();
    match first.strip_prefix("# ") {
        Some("Rocket.toml") => Meant::Settings,
        Some(file) if file.starts_with("pages/") => Meant::Page(file.to_owned()),
        _ => panic!(
            "{}: begin it with `# Rocket.toml` or `# pages/NAME.toml`, so that it is known for what it is",
            block.place
        ),
    }
}

fn blocks() -> Vec<Block> {
    documents().iter().flat_map(|document| document.blocks_in("toml")).collect()
}

/// The block with names of files that a test may make.
pub(super) fn at_home(text: &str) -> String {
    text.replace(ELSEWHERE, "")
}

/// `belvedere check` in a folder with these settings and pages.
pub(super) async fn check(settings: &str, page: Option<(&str, &str)>, place: &str) {
    let folder = tempfile::tempdir().unwrap();
    let written: Table = toml::from_str(settings).unwrap_or_else(|error| panic!("{place}: {error}"));
    lay_out_files(&Value::Table(written.clone()), folder.path());
    let has_url = written.get("default").and_then(|table| table.get("directory")?.get("url")).is_some();
    let (head, tail) = if has_url { ("", "") } else { ("\n", URL) };
    fs::write(folder.path().join("Rocket.toml"), format!("{settings}{head}{tail}")).unwrap();
    fs::create_dir(folder.path().join("pages")).unwrap();
    if let Some((file, text)) = page {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let output = run_to_end(belvedere(folder.path(), &["check"])).await;
    assert!(output.status.success(), "{place}:\n{}", text(&output.stderr));
}

/// Makes the files that settings name.
fn lay_out_files(value: &Value, folder: &Path) {
    let Value::Table(table) = value else { return };
    for (key, value) in table {
        match value {
            Value::String(name) if key == "ca_file" => {
                fs::write(folder.join(name), TestAuthority::new().pem()).unwrap()
            }
            Value::String(name) if key == "file" || key.ends_with("_file") => {
                fs::write(folder.join(name), "0123456789abcdef0123456789abcdef\n").unwrap();
            }
            value => lay_out_files(value, folder),
        }
    }
}

#[tokio::test]
async fn every_block_of_settings_is_read_by_the_program() {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| matches!(meant(block), Meant::Settings)) {
        check(&at_home(&block.text), None, &block.place).await;
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test]
async fn every_page_is_read_by_the_program_with_the_sources_that_the_documents_set_up() {
    let blocks = blocks();
    let settings = sources_of(&blocks);
    let mut seen = 0;
    for block in &blocks {
        if let Meant::Page(file) = meant(block) {
            check(&settings, Some((&file, &block.text)), &block.place).await;
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

/// Settings with every source that some block sets up.
fn sources_of(blocks: &[Block]) -> String {
    let mut sources = Table::new();
    for block in blocks.iter().filter(|block| matches!(meant(block), Meant::Settings)) {
        let settings: Table = toml::from_str(&at_home(&block.text)).unwrap();
        let found = settings.get("default").and_then(|table| table.get("sources")?.as_table());
        sources.extend(found.cloned().unwrap_or_default());
    }
    let wrapped = Table::from_iter([("sources".to_owned(), Value::Table(sources))]);
    Table::from_iter([("default".to_owned(), Value::Table(wrapped))]).to_string()
}
