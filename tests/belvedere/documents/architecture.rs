//! Checks that the types and files which `ARCHITECTURE.md` mentions exist, and that it stays short.

use std::path::Path;

use super::markdown::{document, root};

/// Longer than this, it would not be read whole, nor kept true.
const MAX_BYTES: usize = 12 * 1024;

/// Where the files are that it mentions by a part of their path.
const FOLDERS: [&str; 2] = ["", "src"];

/// The placeholder for a kind of panel or of source, and one of each.
const KIND: (&str, [&str; 2]) = ("KIND", ["gauge", "clock"]);

/// Traits that it mentions and that are not the program's.
const FROM_THE_STANDARD_LIBRARY: [&str; 2] = ["Drop", "From"];

#[test]
fn it_is_short() {
    let length = document("ARCHITECTURE.md").text.len();
    assert!(length <= MAX_BYTES, "{length} bytes");
}

#[test]
fn the_types_that_it_mentions_exist() {
    let sources = rust_sources(&root().join("src"));
    for code in document("ARCHITECTURE.md").code_spans() {
        let name = code.split("::").next().unwrap();
        if !is_type(name) || FROM_THE_STANDARD_LIBRARY.contains(&name) {
            continue;
        }
        let declares = |line: &str| {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| matches!(word, "struct" | "enum" | "trait" | "type")) && words.any(|word| word == name)
        };
        assert!(sources.lines().any(declares), "there is no type `{name}`");
        if let Some((_, function)) = code.split_once("::") {
            assert!(sources.contains(&format!("fn {function}(")), "there is no function `{code}`");
        }
    }
}

#[test]
fn the_files_that_it_mentions_exist() {
    for code in document("ARCHITECTURE.md").code_spans() {
        let is_path = code.contains('/') && !code.contains(' ');
        let (word, kinds) = KIND;
        let exists = |path: &str| FOLDERS.iter().any(|folder| root().join(folder).join(path).exists());
        let found = kinds.iter().any(|kind| exists(&code.replace(word, kind)));
        // The state folder is made by the program.
        assert!(!is_path || found || code.starts_with("state/"), "there is no {code}");
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.chars().any(|c| c.is_ascii_lowercase())
}

/// The text of all Rust files below a folder.
fn rust_sources(folder: &Path) -> String {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path());
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
