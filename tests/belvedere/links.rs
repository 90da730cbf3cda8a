//! The links: where the site's paths begin is known in one place, so that the whole site can be put below a path.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

/// The lines of the files below a folder that are no comments, each with its file; without unit tests.
fn lines(folder: &str) -> Vec<(String, String)> {
    let files = WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).into_iter().map(Result::unwrap);
    let mut lines = Vec::new();
    for file in files.filter(|entry| entry.file_type().is_file()) {
        let name = file.path().display().to_string();
        let text = fs::read_to_string(file.path()).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
        let is_comment = |line: &str| ["//", "*", "/*"].iter().any(|sign| line.trim_start().starts_with(sign));
        lines.extend(program.filter(|line| !is_comment(line)).map(|line| (name.clone(), line.trim().to_owned())));
    }
    lines
}

/// Whether the line has a string in these quotes that is a path of the site, spelled from its first slash on.
fn spells_a_path(line: &str, quotes: &[char]) -> bool {
    line.match_indices(quotes).any(|(at, quote)| {
        let text = &line[at + 1..];
        let is_root = text.starts_with(&format!("/{quote}"));
        let is_path = text.strip_prefix('/').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '{'));
        is_root || is_path
    })
}

#[test]
fn no_template_spells_where_the_site_begins() {
    let lines = lines("templates");
    assert!(lines.iter().any(|(_, line)| line.contains("href=\"{{ link(to=\"account\") }}\"")));
    // The end of a tag in a line of attributes looks like a path: `"/>`. What a condition chooses begins like a string.
    let plain = |line: &str| line.replace("/>", ">").replace("%}", "\"");
    let spelled: Vec<_> = lines.iter().filter(|(_, line)| spells_a_path(&plain(line), &['"', '\''])).collect();
    assert!(spelled.is_empty(), "use `link(to=…)`: {spelled:#?}");
}

#[test]
fn no_script_of_ours_spells_where_the_site_begins() {
    // Base64's last digit is no path.
    let of_base64 = |line: &str| line.contains("replaceAll");
    let spelled = lines("static/js").into_iter().filter(|(_, line)| !of_base64(line) && spells_a_path(line, &['"', '\'', '`']));
    let spelled: Vec<_> = spelled.collect();
    assert!(spelled.is_empty(), "a page hands its links to its scripts: {spelled:#?}");
}

#[test]
fn no_handler_no_view_and_no_scheme_spells_where_the_site_begins() {
    // Where a route is declared, its path is relative to the mount point, with the slash that Rocket wants before it.
    let declares_a_route = |line: &str| line.starts_with("#[get(") || line.starts_with("#[post(");
    // `next.rs` parses what a browser sent: it accepts only paths of the site, whatever they are below.
    let may_spell = |file: &str| ["links.rs", "auth/next.rs", "tests.rs"].iter().any(|end| file.ends_with(end));
    let spelled = ["src/web", "src/auth"]
        .into_iter()
        .flat_map(lines)
        .filter(|(file, line)| !may_spell(file) && !declares_a_route(line) && spells_a_path(line, &['"']));
    let spelled: Vec<_> = spelled.collect();
    assert!(spelled.is_empty(), "use `Link`: {spelled:#?}");
}
