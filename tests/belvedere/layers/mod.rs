//! The rooms import only downward; rooms side by side do not import each other, and files not in circles.

mod import_graph;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use import_graph::{ImportGraph, rust_files};

/// The rooms from the ground up. Those on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["domain"],
    &["config"],
    &["telemetry", "store", "tls", "websocket"],
    &[
        "sources",
        "directory",
        "demo_directory",
        "accounts",
        "sessions",
        "tokens",
        "factors",
        "epochs",
        "audit",
        "connections",
        "nodes",
        "bus",
        "history",
    ],
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
    assert!(upward.is_empty(), "{upward:#?}");
    assert_eq!(seen, names_in(FLOORS), "every room has a floor, and every floor its rooms");
}

#[test]
fn the_rooms_inside_directory_import_only_from_the_floors_below() {
    let (upward, seen) = imports_that_run_upward("directory", DIRECTORY_FLOORS);
    assert!(upward.is_empty(), "{upward:#?}");
    assert_eq!(seen, names_in(DIRECTORY_FLOORS), "every room has a floor, and every floor its rooms");
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    // A lookup that finds no group suggests similar names, which the lookup's own searches find and judge.
    let known = ["directory/people/group_lookup.rs", "directory/people/suggestions.rs"].map(Path::new);
    for sources in
        ["src", "benches/browser", "benches/floods", "benches/frames", "benches/guard", "benches/sign_in", "benches/viewers"]
    {
        let graph = ImportGraph::of(&root().join(sources));
        let circles: Vec<_> = graph.circles().into_iter().filter(|circle| *circle != BTreeSet::from(known)).collect();
        assert!(circles.is_empty(), "{sources}: {circles:#?}");
    }
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("lib.rs", "mod web;\nmod live;\npub use live::{Hub, ring};\n"),
        ("web.rs", "use crate::{Hub, live::ring};\nfn f() -> ring::Ring { ring::new() }\n"),
        ("live/mod.rs", "pub(crate) mod ring;\nmod hub;\npub use hub::Hub;\n"),
        ("live/hub.rs", "// use crate::web::f;\nconst WORDS: &str = \"crate::web::f\";\npub struct Hub(super::ring::Ring);\n"),
        (
            "live/ring.rs",
            "pub(in crate::web) struct Ring;\n#[cfg(test)]\n#[allow(unused)]\nmod tests {\n use super::super::Hub;\n}\n",
        ),
    ];
    for (file, text) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut graph = ImportGraph::of(folder.path());
    let imports = |graph: &ImportGraph, file: &str| {
        graph.imports[Path::new(file)].iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(imports(&graph, "web.rs"), ["live/hub.rs", "live/ring.rs"]);
    assert_eq!(imports(&graph, "live/hub.rs"), ["live/ring.rs"]);
    assert_eq!(imports(&graph, "live/ring.rs"), Vec::<String>::new());
    assert_eq!(imports(&graph, "lib.rs"), Vec::<String>::new(), "what is handed on is not imported");
    assert_eq!(graph.circles(), Vec::<BTreeSet<&Path>>::new());
    fs::write(folder.path().join("live/ring.rs"), "pub struct Ring(crate::web::Page);\n").unwrap();
    fs::write(folder.path().join("web.rs"), "pub struct Page;\nuse crate::Hub;\n").unwrap();
    graph = ImportGraph::of(folder.path());
    let circle = ["live/hub.rs", "live/ring.rs", "web.rs"].map(Path::new);
    assert_eq!(graph.circles(), [BTreeSet::from(circle)]);
}

#[test]
fn no_handler_takes_a_form_that_is_waited_for_without_end_or_whose_token_nobody_verifies() {
    let routes = root().join("src/web/routes");
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

/// The imports between the rooms of a folder in `src/` that do not run to a lower floor, and the rooms that there are. Files
/// that stand beside the rooms of a folder are on top, and may import what they like.
fn imports_that_run_upward(folder: &str, floors: &[&[&str]]) -> (Vec<(String, String)>, BTreeSet<String>) {
    let graph = ImportGraph::of(&root().join("src"));
    let room_of = |file: &Path| {
        let room = file.strip_prefix(folder).ok()?.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
        floors.iter().position(|floor| floor.contains(&room.as_str())).map(|floor| (floor, room))
    };
    let (mut upward, mut seen) = (Vec::new(), BTreeSet::new());
    for (file, imports) in &graph.imports {
        let Some((floor, room)) = room_of(file) else { continue };
        for (import, (other_floor, other)) in imports.iter().filter_map(|import| Some((import, room_of(import)?))) {
            if other != room && other_floor >= floor {
                upward.push((file.display().to_string(), import.display().to_string()));
            }
        }
        seen.insert(room);
    }
    (upward, seen)
}

fn names_in(floors: &[&[&str]]) -> BTreeSet<String> {
    floors.iter().copied().flatten().map(ToString::to_string).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
