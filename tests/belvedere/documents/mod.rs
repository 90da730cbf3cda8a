//! The documents are true: every link leads somewhere, every block of code does what it stands there for, and the
//! references list exactly what the program knows.

mod links;
mod lists;
mod markdown;
mod messages;
mod pages;
mod settings;
mod shell;
mod toml_blocks;
mod wiring;

use markdown::documents;

/// The languages whose blocks some test here looks at, all of them.
const CHECKED: [&str; 6] = ["ini", "json", "nginx", "python", "sh", "toml"];

#[test]
fn no_block_of_code_goes_unchecked() {
    for document in documents() {
        for block in document.blocks() {
            // A drawing for those who work on the program, and no example of anything.
            let is_drawing = block.language == "text" && !document.is_of_the_book() && document.name != "README.md";
            let known = CHECKED.contains(&&*block.language) || is_drawing;
            assert!(known, "{}: nobody checks a block of `{}`", block.place, block.language);
        }
    }
}

#[test]
fn the_readme_is_short_enough_to_be_read() {
    let lines = markdown::document("README.md").text.lines().count();
    assert!(lines <= 120, "{lines} lines");
}
