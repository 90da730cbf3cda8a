//! The rooms import only downward; rooms side by side do not import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up. Those on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["domain"],
    &["config"],
    &["telemetry", "store", "websocket"],
    &["sources", "directory", "demo_directory", "accounts", "sessions", "tokens", "factors", "audit", "connections"],
    &["panels"],
    &["pages", "auth"],
    &["feeds"],
    &["live"],
    &["web"],
    &["server"],
    &["cli"],
];

/// The rooms inside `directory`, from the ground up. The files beside them stand on top.
const DIRECTORY_FLOORS: &[&[&str]] =
    &[&["schema"], &["connection"], &["client"], &["people"], &["sign_in"], &["password", "refresh"], &["diagnostics"]];

#[test]
fn rooms_import_only_from_the_floors_below() {
    let (upward, seen) = imports_that_run_upward("", FLOORS);
    assert!(upward.is_empty(), "{upward:?}");
    assert_eq!(seen, names_in(FLOORS), "every room has a floor, and every floor its rooms");
}

#[test]
fn the_rooms_inside_directory_import_only_from_the_floors_below() {
    let (upward, seen) = imports_that_run_upward("directory", DIRECTORY_FLOORS);
    assert!(upward.is_empty(), "{upward:?}");
    assert_eq!(seen, names_in(DIRECTORY_FLOORS), "every room has a floor, and every floor its rooms");
}

#[test]
fn the_files_of_these_rooms_do_not_import_each_other_in_a_circle() {
    for room in ["feeds", "live"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
        let files = rust_files(&folder).into_iter().filter(|file| file.parent() == Some(&folder) && !file.ends_with("mod.rs"));
        let imports = |file: PathBuf| rooms_named_in(&fs::read_to_string(file).unwrap(), "super::");
        let mut left: BTreeMap<_, _> =
            files.map(|file| (room_of(file.strip_prefix(&folder).unwrap()), imports(file))).collect();
        assert!(left.len() > 5);
        // What imports nothing that is left stands on the ground, and is taken away.
        while let Some(file) = left.iter().find(|(_, below)| below.iter().all(|file| !left.contains_key(file))) {
            let file = file.0.clone();
            left.remove(&file);
        }
        assert!(left.is_empty(), "src/{room}: {left:?}");
    }
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let rooms = |text: &str| rooms_named_in(text, "crate::").into_iter().collect::<Vec<_>>();
    assert_eq!(rooms("use crate::web::Assets;"), ["web"]);
    assert_eq!(rooms("use crate::{live::Hub, domain::{Clock, State}, web};"), ["domain", "live", "web"]);
    assert_eq!(rooms("fn f() -> crate::auth::Auth { crate::pages::open() }"), ["auth", "pages"]);
    assert_eq!(rooms("// use crate::web::Assets;\n/// [`crate::live`]\n"), Vec::<String>::new());
    let inside = rooms_named_in("use crate::directory::{schema::Sid, people}; use crate::domain::Dn;", "crate::directory::");
    assert_eq!(inside.into_iter().collect::<Vec<_>>(), ["people", "schema"]);
}

#[test]
fn no_handler_takes_a_form_that_is_waited_for_without_end_or_whose_token_nobody_verifies() {
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/routes");
    let imports_form = |line: &str, module: &str| {
        let names = line.strip_prefix("use ").and_then(|path| path.strip_prefix(module)).unwrap_or_default();
        names.split(|c: char| !c.is_alphanumeric()).any(|name| name == "Form")
    };
    assert!(imports_form("use rocket::form::{Form, FromForm};", "rocket::form::"));
    assert!(!imports_form("use rocket::form::FromForm;", "rocket::form::"));
    let files_with = |module: &str| -> Vec<_> {
        let has_it = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().any(|line| imports_form(line, module));
        rust_files(&routes).into_iter().filter(has_it).collect()
    };
    let wrong = files_with("rocket::form::");
    assert!(wrong.is_empty(), "Rocket's own form has no deadline: {wrong:?}");
    // Nothing is at stake with the theme: a cookie alone is all that it changes.
    let without_token = files_with("crate::web::form::");
    assert_eq!(without_token, [routes.join("theme.rs")], "what changes something takes a `CsrfForm`");
}

/// The imports below `src/<folder>` that name a room which is not on a lower floor, as file and room, and the rooms that there
/// are. Files that stand beside the rooms of a folder are on top, and may import what they like.
fn imports_that_run_upward(folder: &str, floors: &[&[&str]]) -> (BTreeSet<(String, String)>, BTreeSet<String>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let prefix = if folder.is_empty() { "crate::".to_owned() } else { format!("crate::{folder}::") };
    let floor_of = |room: &str| floors.iter().position(|floor| floor.contains(&room));
    let (mut upward, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let room = room_of(inside);
        let Some(floor) = floor_of(&room) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        for imported in rooms_named_in(&text, &prefix) {
            let below = floor_of(&imported).is_some_and(|theirs| theirs < floor);
            if imported != room && !below {
                upward.insert((inside.display().to_string(), imported));
            }
        }
        let climbs = text.contains("super::super") || inside.ends_with("mod.rs") && text.contains("use super::");
        assert!(folder.is_empty() || !climbs, "{}: another room is named by its whole path", file.display());
        seen.insert(room);
    }
    (upward, seen)
}

fn names_in(floors: &[&[&str]]) -> BTreeSet<String> {
    floors.iter().copied().flatten().map(ToString::to_string).collect()
}

/// `pages/door.rs` is in the room `pages`, `server.rs` in `server`.
fn room_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn rooms_named_in(text: &str, prefix: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(group_heads(group)),
            None => rooms.extend(word(rest)),
        }
    }
    rooms
}

/// The first word of each part of a `{a::b, c::{d, e}}`, whose opening brace is gone.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut part) = (Vec::new(), 0_i32, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(word(std::mem::take(&mut part).trim())),
            c if depth == 0 => part.push(c),
            _ => (),
        }
    }
    heads.extend(word(part.trim()));
    heads
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
