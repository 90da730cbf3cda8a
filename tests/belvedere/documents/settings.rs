//! The settings reference and the repository's `Rocket.toml` are made from the declarations in `config`, and true: defaults,
//! environment variables, bounds. With `BELVEDERE_TESTS_REGENERATE=1` the tests write both files instead of comparing them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use belvedere::config::SettingRow;
use belvedere::sources;
use rocket::figment::Figment;
use rocket::figment::providers::{Format as _, Toml};

use super::markdown::{BOOK, root};
use super::toml_blocks::{check, with_local_paths};
use crate::harness::program::{belvedere, run_to_end, text};

/// The setting that there must be.
const URL: &str = "directory.url = \"ldaps://dc1.corp.example.com\"\n";

/// A key that does not exist, and resembles none that does.
const NONSENSE: &str = "zzzzzzzzzzzzzzzz";

/// The source of a sample page, which `Rocket.toml` has beside the defaults.
const SAMPLE_SOURCE: &str = "[default.sources.boards]";

/// The longest line in `Rocket.toml`.
const MAX_LINE: usize = 128;

/// Asks for the files to be written.
const REGENERATE: &str = "BELVEDERE_TESTS_REGENERATE";

/// A key and the name of its table: `default.sessions`.
struct DeclaredKey {
    table: String,
    row: SettingRow,
}

impl DeclaredKey {
    /// Its path: `sessions.idle`, `sources.stock.url`.
    fn path(&self) -> String {
        format!("{}.{}", self.table, self.row.key).strip_prefix("default.").unwrap().to_owned()
    }

    fn variable(&self) -> String {
        variable(&self.table, self.row.key)
    }

    /// Its default, if it has one in TOML.
    fn default(&self) -> Option<&str> {
        self.row.default.strip_prefix('`')?.strip_suffix('`')
    }

    fn bounds(&self) -> Option<(&str, &str)> {
        self.row.values.strip_prefix('`')?.strip_suffix('`')?.split_once("` to `")
    }
}

fn variable(table: &str, key: &str) -> String {
    let path = format!("{table}.{key}").to_ascii_uppercase();
    format!("BELVEDERE_{}", path.strip_prefix("DEFAULT.").unwrap().replace('.', "__"))
}

/// All tables with the keys that have values, by name.
fn tables() -> BTreeMap<String, Vec<SettingRow>> {
    fn collect(name: &str, rows: Vec<SettingRow>, tables: &mut BTreeMap<String, Vec<SettingRow>>) {
        let mut with_values = Vec::new();
        for row in rows {
            if !row.table.is_empty() {
                collect(&format!("{name}.{}", row.key), row.table.clone(), tables);
            }
            if !row.default.is_empty() {
                with_values.push(row);
            }
        }
        if !with_values.is_empty() {
            tables.insert(name.to_owned(), with_values);
        }
    }
    let mut tables = BTreeMap::new();
    collect("default", sources::reference(), &mut tables);
    tables
}

fn reference() -> Vec<DeclaredKey> {
    let keys = |(table, rows): (String, Vec<SettingRow>)| {
        rows.into_iter().map(move |row| DeclaredKey { table: table.clone(), row }).collect::<Vec<_>>()
    };
    tables().into_iter().flat_map(keys).collect()
}

/// Every variable in the reference.
pub(super) fn variables() -> BTreeSet<String> {
    reference().iter().map(DeclaredKey::variable).collect()
}

/// A number with its thousands apart, in TOML.
fn grouped(text: &str) -> String {
    if text.len() < 4 || !text.chars().all(|c| c.is_ascii_digit()) {
        return text.to_owned();
    }
    let (head, last) = text.split_at(text.len() - 3);
    format!("{}_{last}", grouped(head))
}

/// The reference of a table in Markdown.
fn markdown_rows(table: &str, rows: &[SettingRow]) -> String {
    let lines = rows.iter().map(|row| {
        let default = row.default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let default = default.map_or_else(|| row.default.clone(), |toml| format!("`{}`", grouped(toml)));
        let values = if row.values.is_empty() { String::new() } else { format!(" {}", row.values) };
        let (key, variable, about) = (row.key, variable(table, row.key), &row.about);
        format!("| `{key}`<br>`{variable}` | {default} |{values} | {about} |\n")
    });
    let head = "| key, variable | default | values | what it does |\n|---|---|---|---|\n".to_owned();
    std::iter::once(head).chain(lines).collect()
}

/// The manual's chapter, each table made anew. Which one it is, the line before it says: "The table `[default.sessions]`".
fn with_markdown_tables(chapter: &str) -> String {
    let tables = tables();
    let mut made = BTreeSet::new();
    let (mut written, mut table, mut in_table) = (String::new(), None, false);
    for line in chapter.split_inclusive('\n') {
        let is_row = line.starts_with('|');
        if let Some(rest) = line.strip_prefix("The table `[") {
            table = rest.split(']').next();
        } else if line.starts_with('#') {
            table = None;
        }
        match table {
            Some(name) if is_row && !in_table => {
                let rows = tables.get(name).unwrap_or_else(|| panic!("there is no table {name}"));
                written += &markdown_rows(name, rows);
                made.insert(name.to_owned());
            }
            Some(_) if is_row => {}
            _ => written += line,
        }
        in_table = is_row;
    }
    assert_eq!(made, tables.into_keys().collect(), "the tables in the manual, and those that there are");
    written
}

/// The first sentence of what a key does, as a comment.
fn comment(row: &SettingRow) -> &str {
    let end = row.about.match_indices(". ").find(|(at, _)| row.about[at + 2..].starts_with(char::is_uppercase));
    end.map_or_else(|| row.about.trim_end_matches('.'), |(at, _)| &row.about[..at])
}

/// The lines that set a table's keys: defaults, and examples in comments.
fn toml_lines(rows: &[SettingRow], prefix: &str) -> Vec<String> {
    let mut settings = Vec::new();
    for row in rows {
        let default = row.default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        match (&*row.example, default) {
            ("", None) => {}
            ("", Some(default)) => settings.push((prefix, row, grouped(default))),
            (example, _) => settings.push(("# ", row, example.to_owned())),
        }
    }
    let key_width = settings.iter().map(|(prefix, row, _)| prefix.len() + row.key.len()).max().unwrap_or_default();
    let line = |(prefix, row, value): &(&str, &SettingRow, String)| {
        format!("{:<key_width$} = {value}", format!("{prefix}{}", row.key))
    };
    let lines: Vec<String> = settings.iter().map(line).collect();
    let fits = |line: &&String| line.len() <= MAX_LINE / 2;
    let width = lines.iter().filter(fits).map(String::len).max().unwrap_or_default();
    let with_comment = |(line, (_, row, _)): (&String, &(&str, &SettingRow, String))| {
        let behind = [width, 0].map(|width| format!("{line:<width$}  # {}", comment(row)));
        let fitting = behind.into_iter().find(|line| line.len() <= MAX_LINE);
        fitting.unwrap_or_else(|| format!("# {}\n{line}", comment(row)))
    };
    lines.iter().zip(&settings).map(with_comment).collect()
}

/// `Rocket.toml`, with the keys of each table made anew. Comments above a heading, and keys that are not declared (Rocket's own),
/// stay as they are.
fn with_toml_tables(settings: &str) -> String {
    let tables = tables();
    let block = |block: &str| {
        let lines: Vec<&str> = block.lines().collect();
        let heading = lines.iter().position(|line| line.trim_start_matches("# ").starts_with("[default"));
        let Some(heading) = heading.filter(|heading| lines[*heading] != SAMPLE_SOURCE) else { return block.to_owned() };
        let prefix = if lines[heading].starts_with('#') { "# " } else { "" };
        let name = lines[heading].trim_start_matches("# ").trim_matches(['[', ']']);
        let name = if name.starts_with("default.directories.") { "default.directories.NAME" } else { name };
        let rows = tables.get(name).unwrap_or_else(|| panic!("there is no table {name}"));
        let key_of = |line: &str| line.trim_start_matches("# ").split(['=', ' ']).next().unwrap_or_default().to_owned();
        let is_foreign = |line: &&str| {
            let key = key_of(line);
            line.contains(" = ")
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && rows.iter().all(|row| row.key != key)
        };
        let kept = lines[heading + 1..].iter().copied().filter(is_foreign).map(str::to_owned);
        let above = lines[..=heading].iter().map(|line| (*line).to_owned());
        above.chain(kept).chain(toml_lines(rows, prefix)).collect::<Vec<_>>().join("\n")
    };
    let blocks: Vec<String> = settings.trim_end().split("\n\n").map(block).collect();
    blocks.join("\n\n") + "\n"
}

/// Compares a file with what is made of it, or writes it.
fn compare(file: &str, make: impl Fn(&str) -> String) {
    let path = root().join(file);
    let written = fs::read_to_string(&path).unwrap();
    let made = make(&written);
    if std::env::var_os(REGENERATE).is_some() {
        fs::write(path, made).unwrap();
    } else {
        let differs = made.lines().zip(written.lines()).find(|(made, written)| made != written);
        assert!(made == written, "{file} differs from the declarations: run this test with {REGENERATE}=1\n{differs:#?}");
    }
}

#[test]
fn the_reference_in_the_manual_is_that_of_the_declarations() {
    compare(&format!("{BOOK}/settings.md"), with_markdown_tables);
}

#[test]
fn the_settings_file_of_the_repository_is_that_of_the_declarations() {
    compare("Rocket.toml", with_toml_tables);
}

/// The keys that each table of a sample source must have, with values.
fn required_of_sources() -> impl Iterator<Item = (String, Vec<(&'static str, String)>)> {
    let required = |rows: Vec<SettingRow>| {
        let rows = rows.into_iter().filter(|row| row.default.starts_with("required"));
        rows.map(|row| (row.key, row.example)).collect()
    };
    tables().into_iter().filter_map(move |(table, rows)| {
        let name = table.strip_prefix("default.")?.to_owned();
        name.starts_with("sources.").then(|| (name, required(rows)))
    })
}

/// These settings, and those that there must be.
fn figment(text: &str) -> Figment {
    let mut least = format!("[default]\n{URL}");
    for (source, required) in required_of_sources() {
        if text.lines().any(|line| line.starts_with(&format!("[default.{source}]")) || line.starts_with(&source)) {
            for (key, value) in required {
                least.extend([&*source, ".", key, " = ", &*value, "\n"]);
            }
        }
    }
    Figment::from(rocket::Config::default()).merge(Toml::string(&least).nested()).merge(Toml::string(text).nested())
}

fn settled(text: &str) -> String {
    match sources::read_settings(&figment(text)) {
        Ok(settings) => format!("{settings:?}"),
        Err(faults) => panic!("{text}\n{faults}"),
    }
}

/// The program's help text for settings that are wrong.
fn help_for(text: &str) -> String {
    let faults = sources::read_settings(&figment(text)).expect_err("it is wrong");
    faults.iter().map(|fault| fault.help.clone()).collect::<Vec<_>>().join("\n")
}

/// The keys of a table, as the program lists them when it meets an unknown one.
fn known(table: &str) -> BTreeSet<String> {
    let help = help_for(&format!("[{table}]\n{NONSENSE} = 1\n"));
    let list = help.lines().find(|line| line.starts_with("write `") || line.starts_with("write one of `"));
    let list = list.unwrap_or_else(|| panic!("{table}: {help}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_reference_lists_every_setting_and_no_other() {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in reference() {
        assert!(tables.entry(key.table).or_default().insert(key.row.key.to_owned()), "{} stands twice", key.row.key);
    }
    let of_directories = tables["default.directory"].clone();
    tables.get_mut("default.directories.NAME").unwrap().extend(of_directories);
    tables.get_mut("default").unwrap().extend(sources::reference().iter().map(|row| row.key.to_owned()));
    for (table, keys) in tables {
        // This table has required keys, whose absence would be reported as well.
        let known = if table == "default.directories.NAME" { known_of_a_further_directory() } else { known(&table) };
        assert_eq!(keys, known, "[{table}]");
    }
}

fn known_of_a_further_directory() -> BTreeSet<String> {
    let text = format!("[default.directories.stock]\ndomains = [\"S\"]\nurl = \"ldaps://s\"\n{NONSENSE} = 1\n");
    help_for(&text).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_default_is_right() {
    let mut seen = 0;
    for key in reference() {
        let Some(default) = key.default() else { continue };
        let path = key.path();
        let table = path.rsplit_once('.').map_or_else(|| "default".to_owned(), |(table, _)| format!("default.{table}"));
        let plain = if path.starts_with("sources.") { format!("[{table}]\n") } else { String::new() };
        assert_eq!(settled(&format!("[{table}]\n{} = {default}\n", key.row.key)), settled(&plain), "{path} = {default}");
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_bound_is_right() {
    let mut seen = 0;
    for key in reference() {
        let Some((least, most)) = key.bounds() else { continue };
        let beyond = match most.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "" => "99999999999999",
            "ms" | "s" | "m" | "h" | "d" => "\"99999999d\"",
            _ => "\"9999GiB\"",
        };
        let path = key.path();
        let help = help_for(&format!("[default]\n{path} = {beyond}\n"));
        assert!(help.contains(&format!("from {least} to {most}")), "{path}: {least} to {most}, but {help}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[tokio::test]
async fn every_setting_with_a_default_can_come_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("pages")).unwrap();
    let mut command = belvedere(folder.path(), &["check"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldaps://dc1.corp.example.com");
    for (source, required) in required_of_sources() {
        for (key, value) in required {
            command.env(variable(&format!("default.{source}"), key), value.trim_matches('"'));
        }
    }
    for key in reference() {
        if let Some(default) = key.default() {
            command.env(key.variable().replace("__NAME__", "__STOCK__"), default.trim_matches('"'));
        }
    }
    let output = run_to_end(command).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_settings_file_of_the_repository_shows_the_defaults() {
    let written = fs::read_to_string(root().join("Rocket.toml")).unwrap();
    let without_sample: Vec<_> = written.split("\n\n").filter(|block| !block.contains(SAMPLE_SOURCE)).collect();
    assert_eq!(settled(&without_sample.join("\n\n")), settled(""));
}

#[tokio::test]
async fn the_settings_in_its_comments_are_valid() {
    let written = fs::read_to_string(root().join("Rocket.toml")).unwrap();
    let is_setting = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        line.starts_with('[') || line.contains('=') && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let taken_out = |line: &str| line.strip_prefix("# ").filter(is_setting).map(str::to_owned);
    let lines: Vec<String> = written.lines().map(|line| taken_out(line).unwrap_or_else(|| line.to_owned())).collect();
    assert!(written.lines().filter_map(taken_out).count() > 20);
    check(&with_local_paths(&lines.join("\n")), None, "Rocket.toml").await;
}
