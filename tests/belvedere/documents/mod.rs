//! The documents are true: links work, code blocks run or are checked, and the references match the program.

mod architecture;
mod deploy;
mod links;
mod lists;
mod markdown;
mod messages;
mod pages;
mod server_config;
mod settings;
mod shell;
mod toml_blocks;

use markdown::documents;

/// The languages of the code blocks that some test here checks.
const CHECKED: [&str; 7] = ["haproxy", "ini", "json", "nginx", "python", "sh", "toml"];

#[test]
fn no_block_of_code_goes_unchecked() {
    for document in documents() {
        for block in document.blocks() {
            // Drawings for those who work on the program.
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
