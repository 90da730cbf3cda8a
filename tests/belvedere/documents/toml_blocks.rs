//! Has the program itself check every block of TOML: as `Rocket.toml`, or as a page file. The first line says which it is.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::markdown::{CodeBlock, documents};
use crate::harness::certificates::TestAuthority;
use crate::harness::program::{belvedere, run_to_end, text};

/// The settings that there must be.
const URL: &str = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";

/// The folder of the files that settings refer to, in the documents.
const DOCUMENTED_FOLDER: &str = "/etc/belvedere/";

/// The content of a block, according to its first line.
enum TomlBlockKind {
    Settings,
    /// A page, and its file.
    Page(String),
}

fn kind_of(block: &CodeBlock) -> TomlBlockKind {
    let first = block.text.lines().next().unwrap_or_default();
    match first.strip_prefix("# ") {
        Some("Rocket.toml") => TomlBlockKind::Settings,
        Some(file) if file.starts_with("pages/") => TomlBlockKind::Page(file.to_owned()),
        _ => panic!("{}: begin the block with `# Rocket.toml` or `# pages/NAME.toml`, so that it can be checked", block.place),
    }
}

fn blocks() -> Vec<CodeBlock> {
    documents().iter().flat_map(|document| document.blocks_in("toml")).collect()
}

/// The block with paths of files beside it.
pub(super) fn with_local_paths(text: &str) -> String {
    text.replace(DOCUMENTED_FOLDER, "")
}

/// `belvedere check` in a folder with these settings and pages.
pub(super) async fn check(settings: &str, page: Option<(&str, &str)>, place: &str) {
    let folder = tempfile::tempdir().unwrap();
    let written: Table = toml::from_str(settings).unwrap_or_else(|error| panic!("{place}: {error}"));
    create_files(&Value::Table(written.clone()), folder.path());
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

/// Creates the files that settings refer to.
fn create_files(value: &Value, folder: &Path) {
    let Value::Table(table) = value else { return };
    for (key, value) in table {
        match value {
            Value::String(name) if key.ends_with("ca_file") => {
                fs::write(folder.join(name), TestAuthority::new().pem()).unwrap();
            }
            Value::String(name) if key == "url_file" => {
                fs::write(folder.join(name), "postgres://belvedere:hunter2@db.corp.example.com/belvedere\n").unwrap();
            }
            Value::String(name) if key == "bus_file" => {
                fs::write(folder.join(name), "rediss://:hunter2@valkey.corp.example.com\n").unwrap();
            }
            Value::String(name) if key == "file" || key.ends_with("_file") => {
                fs::write(folder.join(name), "0123456789abcdef0123456789abcdef\n").unwrap();
            }
            Value::Table(tls) if key == "tls" => {
                let identity = TestAuthority::new().issue(&["boards.corp.example.com"]);
                for (key, pem) in [("certs", identity.certificate), ("key", identity.key)] {
                    fs::write(folder.join(tls[key].as_str().unwrap()), pem).unwrap();
                }
            }
            value => create_files(value, folder),
        }
    }
}

#[tokio::test]
async fn every_block_of_settings_is_valid() {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| matches!(kind_of(block), TomlBlockKind::Settings)) {
        check(&with_local_paths(&block.text), None, &block.place).await;
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test]
async fn every_page_is_valid_with_the_sources_that_the_documents_define() {
    let blocks = blocks();
    let settings = sources_of(&blocks);
    let mut seen = 0;
    for block in &blocks {
        if let TomlBlockKind::Page(file) = kind_of(block) {
            check(&settings, Some((&file, &block.text)), &block.place).await;
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

/// Settings with all sources that some block defines.
fn sources_of(blocks: &[CodeBlock]) -> String {
    let mut sources = Table::new();
    for block in blocks.iter().filter(|block| matches!(kind_of(block), TomlBlockKind::Settings)) {
        let settings: Table = toml::from_str(&with_local_paths(&block.text)).unwrap();
        let found = settings.get("default").and_then(|table| table.get("sources")?.as_table());
        sources.extend(found.cloned().unwrap_or_default());
    }
    let wrapped = Table::from_iter([("sources".to_owned(), Value::Table(sources))]);
    Table::from_iter([("default".to_owned(), Value::Table(wrapped))]).to_string()
}
