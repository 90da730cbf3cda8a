//! The imports of a tree of Rust modules, file by file: which file names something that another one defines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The imports below one folder of sources. Files are named by their path in it.
pub(super) struct ImportGraph {
    pub(super) imports: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
}

/// A module: its file, its code without comments, strings and unit tests, and the names that it hands on from others.
struct Module {
    file: PathBuf,
    code: String,
    re_exports: Vec<Vec<String>>,
}

/// The modules by their path within the crate; the root has the empty one.
type Modules = BTreeMap<Vec<String>, Module>;

impl ImportGraph {
    /// Reads the modules below `source`, whose root is `lib.rs` or `main.rs`.
    pub(super) fn of(source: &Path) -> Self {
        let mut modules = Modules::new();
        for path in rust_files(source) {
            let file = path.strip_prefix(source).unwrap().to_owned();
            let code = code_of(&fs::read_to_string(&path).unwrap());
            modules.insert(module_path(&file), Module { file, code, re_exports: Vec::new() });
        }
        let names: Vec<_> = modules.iter().map(|(path, module)| (path.clone(), re_exports_of(&module.code))).collect();
        for (path, re_exports) in names {
            modules.get_mut(&path).unwrap().re_exports = re_exports;
        }
        let imports = modules.iter().map(|(path, module)| {
            // What a module only hands on it does not import.
            let used = |named: &Vec<String>| !module.re_exports.contains(named) || names_itself(&module.code, named);
            let named: Vec<_> = paths_in(&module.code).into_iter().filter(used).collect();
            // A module may be named alone, as in `use super::words;`, and what is in it by `words::`.
            let by_name: BTreeMap<String, Vec<String>> =
                named.iter().filter_map(|named| Some((named.last()?.clone(), whole_module(&modules, path, named)?))).collect();
            let written_out = named.into_iter().map(|named| match by_name.get(&named[0]) {
                Some(module) => [&["crate".to_owned()], module.as_slice(), &named[1..]].concat(),
                None => named,
            });
            let files =
                written_out.filter_map(|named| defining_file(&modules, path, &named, 0)).filter(|file| *file != module.file);
            (module.file.clone(), files.collect())
        });
        Self { imports: imports.collect() }
    }

    /// The sets of two and more files that import each other in a circle (strongly connected components).
    pub(super) fn circles(&self) -> Vec<BTreeSet<&Path>> {
        let reached: BTreeMap<&Path, BTreeSet<&Path>> =
            self.imports.keys().map(|file| (file.as_path(), self.reachable_from(file))).collect();
        let mut circles: Vec<BTreeSet<&Path>> = Vec::new();
        for (file, reachable) in &reached {
            if !reachable.contains(file) || circles.iter().any(|circle| circle.contains(file)) {
                continue;
            }
            circles.push(reachable.iter().copied().filter(|other| reached[other].contains(file)).collect());
        }
        circles
    }

    fn reachable_from<'a>(&'a self, file: &'a Path) -> BTreeSet<&'a Path> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
        while let Some(file) = open.pop() {
            open.extend(self.imports[file].iter().map(PathBuf::as_path).filter(|imported| reached.insert(*imported)));
        }
        reached
    }
}

/// The module that `named`, a path written in the module `here`, leads to, and what of the path is left; `None` for other
/// crates' things.
fn resolve<'n>(modules: &Modules, here: &[String], named: &'n [String]) -> Option<(Vec<String>, &'n [String])> {
    let (mut at, mut rest) = match named.first()?.as_str() {
        "crate" => (Vec::new(), &named[1..]),
        "self" => (here.to_vec(), &named[1..]),
        "super" => (here[..here.len().checked_sub(1)?].to_vec(), &named[1..]),
        _ => (here.to_vec(), named),
    };
    while let Some((first, behind)) = rest.split_first() {
        let inner = match first.as_str() {
            "super" => at[..at.len().checked_sub(1)?].to_vec(),
            name => [at.as_slice(), &[name.to_owned()]].concat(),
        };
        if !modules.contains_key(&inner) {
            break;
        }
        (at, rest) = (inner, behind);
    }
    let is_foreign = rest.len() == named.len();
    (!is_foreign).then_some((at, rest))
}

/// The module that a path leads to, where it names a whole one.
fn whole_module(modules: &Modules, here: &[String], named: &[String]) -> Option<Vec<String>> {
    let (at, rest) = resolve(modules, here, named)?;
    (named.len() > 1 && (rest.is_empty() || rest == ["self"])).then_some(at)
}

/// The file that defines what a path leads to.
fn defining_file(modules: &Modules, here: &[String], named: &[String], depth: usize) -> Option<PathBuf> {
    let (at, rest) = resolve(modules, here, named)?;
    let module = modules.get(&at)?;
    let name = rest.first().filter(|name| *name != "*" && *name != "self")?;
    let handed_on = module.re_exports.iter().filter(|path| path.last().is_some_and(|last| last == name || last == "*"));
    if depth < 8 && !defines(&module.code, name) {
        for path in handed_on {
            let mut path = path.clone();
            if path.last().is_some_and(|last| last == "*") {
                path.pop();
                path.push(name.clone());
            }
            if let Some(file) = defining_file(modules, &at, &path, depth + 1) {
                return Some(file);
            }
        }
    }
    defines(&module.code, name).then(|| module.file.clone())
}

/// Whether the last word of a path stands more than once in the code: where it is handed on, and where it is used.
fn names_itself(code: &str, path: &[String]) -> bool {
    let name = path.last().map_or("", String::as_str);
    let is_whole = |at: usize| !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word);
    name != "*" && code.match_indices(name).filter(|(at, _)| is_whole(*at)).count() > 1
}

fn defines(code: &str, name: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules!"];
    keywords.iter().any(|keyword| {
        let definition = format!("{keyword} {name}");
        code.match_indices(&definition).any(|(at, _)| !code[at + definition.len()..].starts_with(is_word))
    })
}

/// The paths that `pub use` and `pub(…) use` hand on.
fn re_exports_of(code: &str) -> Vec<Vec<String>> {
    let uses = code.split(';').filter_map(|item| item.rsplit_once("use "));
    uses.filter(|(before, _)| before.trim_end().ends_with([')', 'b']) && before.contains("pub"))
        .flat_map(|(_, tree)| paths_of_tree(tree))
        .collect()
}

/// The paths in a file's code: of its `use` items, and those written out where they are used.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let mut paths: Vec<Vec<String>> =
        code.split(';').filter_map(|item| Some(paths_of_tree(item.rsplit_once("use ")?.1))).flatten().collect();
    let words = |at: usize| code[at..].split(|c: char| !is_word(c) && c != ':').next().unwrap_or_default();
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|c: char| !is_word(c)).map_or(0, |before| before + 1);
        if start < at && !code[..start].ends_with("::") {
            let path: Vec<String> = words(start).split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect();
            paths.push(path);
        }
    }
    paths
}

/// The paths of a use tree: `a::{b, c::{d, e as f}}` has `a::b`, `a::c::d`, `a::c::e`.
fn paths_of_tree(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()];
    };
    let prefix: Vec<String> = prefix.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => (),
        }
    }
    parts.push(&group[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(paths_of_tree).map(|path| [prefix.clone(), path].concat()).collect()
}

/// The code of a file without comments and strings, up to its unit tests, which stand last.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut is_test = false;
    for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
        if is_test && line.starts_with("mod ") && line.ends_with('{') {
            break;
        }
        is_test = line == "#[cfg(test)]" || is_test && line.starts_with("#[");
        let line = line.split(" // ").next().unwrap_or_default();
        // Who may see it is no import: `pub(in crate::web)`.
        match (line.find("(in "), line.find(')')) {
            (Some(start), Some(end)) if start < end => code.push_str(&[&line[..start], &line[end + 1..]].concat()),
            _ => code.push_str(line),
        }
        code.push('\n');
    }
    // Every second part stands between quotes; a quote in a character or behind a backslash is no border.
    let code = code.replace("'\"'", "").replace("\\\"", "");
    code.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// `pages/door.rs` and `pages/door/mod.rs` are the module `pages::door`, `lib.rs` is the root.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The sources below a folder, without unit tests.
pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "tests");
    entries
        .filter(|path| !is_test(path))
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
