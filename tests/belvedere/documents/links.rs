//! Checks every link in the documents that stays in the repository: the file exists, and the heading does.

use std::path::{Component, Path, PathBuf};

use super::markdown::{BOOK, MarkdownFile, MarkdownLink, document, documents, root};

#[test]
fn every_link_works() {
    let wrong: Vec<String> = documents()
        .iter()
        .flat_map(|document| document.links().into_iter().filter_map(|link| fault(document, &link)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_chapter_is_in_the_table_of_contents() {
    let contents = document(&format!("{BOOK}/SUMMARY.md"));
    let listed: Vec<String> = contents.links().into_iter().map(|link| link.target).collect();
    for document in documents().iter().filter(|document| document.is_of_the_book()) {
        let name = document.name.rsplit('/').next().unwrap();
        assert!(name == "SUMMARY.md" || listed.iter().any(|chapter| chapter == name), "{name} is in no contents");
    }
}

/// The fault of a link, if it has one. Links to the web are not followed.
fn fault(from: &MarkdownFile, link: &MarkdownLink) -> Option<String> {
    let MarkdownLink { place, target } = link;
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((&**target, None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() { PathBuf::from(&from.name) } else { beside(&from.name, path) };
    if !root().join(&file).exists() {
        return Some(format!("{place}: {target}: there is no {}", file.display()));
    }
    // The book is published without the rest of the repository.
    if from.is_of_the_book() && !file.starts_with(BOOK) {
        return Some(format!("{place}: {target}: it leads out of the book"));
    }
    let anchor = anchor?;
    if file.extension().is_none_or(|extension| extension != "md") {
        return Some(format!("{place}: {target}: only documents have headings"));
    }
    let known = document(file.to_str()?).anchors();
    (!known.iter().any(|name| name == anchor))
        .then(|| format!("{place}: {target}: no such heading; there are {}", known.join(", ")))
}

/// The path from the root of what `path` means in a document.
fn beside(name: &str, path: &str) -> PathBuf {
    let mut found = PathBuf::new();
    for part in Path::new(name).with_file_name(path).components() {
        match part {
            Component::ParentDir => drop(found.pop()),
            part => found.push(part),
        }
    }
    found
}

#[test]
fn a_broken_link_is_found() {
    let from = document(&format!("{BOOK}/introduction.md"));
    let finds = |target: &str| fault(&from, &MarkdownLink { place: "x".to_owned(), target: target.to_owned() });
    for good in ["pages.md", "pages.md#keys-of-a-page", "#introduction", "security.md#who-may-decide-what", "http://x/"] {
        assert_eq!(finds(good), None);
    }
    for (bad, why) in [
        ("page.md", "there is no"),
        ("pages.md#keys", "no such heading"),
        ("../../README.md", "out of the book"),
        ("book.css", "there is no"),
    ] {
        assert!(finds(bad).is_some_and(|found| found.contains(why)), "{bad}: {:?}", finds(bad));
    }
}
