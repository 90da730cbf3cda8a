//! Compares the settings reference with the program: keys, environment variables, defaults, bounds. The repository's own
//! `Rocket.toml` must show the defaults, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use belvedere::sources;
use rocket::figment::Figment;
use rocket::figment::providers::{Format as _, Toml};

use super::markdown::{BOOK, MarkdownCell, document, root};
use super::toml_blocks::{check, with_local_paths};
use crate::harness::program::{belvedere, run_to_end, text};

/// The setting that there must be.
const URL: &str = "directory.url = \"ldaps://dc1.corp.example.com\"\n";

/// A key that does not exist, and resembles none that does.
const NONSENSE: &str = "zzzzzzzzzzzzzzzz";

/// A row of the reference.
struct SettingRow {
    /// `default.sessions`.
    table: String,
    /// `idle`.
    name: String,
    variable: String,
    default: Option<String>,
    bounds: Option<(String, String)>,
}

impl SettingRow {
    /// Whether it is a key of the web framework.
    fn is_rockets(&self) -> bool {
        self.variable.starts_with("ROCKET_")
    }

    /// Its path, with a real name in the place of `NAME`: `sessions.idle`, `sources.stock.url`.
    fn path(&self) -> String {
        let path = format!("{}.{}", self.table, self.name).replace(".NAME.", ".stock.");
        path.strip_prefix("default.").unwrap().to_owned()
    }
}

/// All rows of the reference.
fn reference() -> Vec<SettingRow> {
    let mut keys = Vec::new();
    for table in document(&format!("{BOOK}/settings.md")).tables() {
        let name = table.lead.strip_prefix("The table [").and_then(|rest| rest.split(']').next());
        keys.extend(table.rows.iter().map(|row| key(name.unwrap_or("default"), row)));
    }
    keys
}

fn key(table: &str, row: &[MarkdownCell]) -> SettingRow {
    let [names, default, values, _] = row else { panic!("{table}: a row has four cells") };
    let [name, variable] = names.codes.as_slice() else { panic!("{}: a key and its variable", names.text) };
    let bounds = match values.codes.as_slice() {
        [least, most] if values.text == format!("{least} to {most}") => Some((least.clone(), most.clone())),
        _ => None,
    };
    SettingRow {
        table: table.to_owned(),
        name: name.clone(),
        variable: variable.clone(),
        default: default.only_code().map(str::to_owned),
        bounds,
    }
}

/// Every variable in the reference.
pub(super) fn variables() -> BTreeSet<String> {
    reference().into_iter().map(|key| key.variable).collect()
}

/// These settings, and those that there must be.
fn figment(text: &str) -> Figment {
    let source = "sources.stock = { kind = \"http\", url = \"https://stock.corp.example.com/\" }\n";
    let least = format!("[default]\n{URL}");
    let has_source = |line: &str| line.starts_with("[default.sources.stock]") || line.starts_with("sources.stock");
    let least = if text.lines().any(has_source) { format!("{least}{source}") } else { least };
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
    let help = help_for(&format!("[{}]\n{NONSENSE} = 1\n", table.replace("NAME", "stock")));
    let list = help.lines().find(|line| line.starts_with("write `") || line.starts_with("write one of `"));
    let list = list.unwrap_or_else(|| panic!("{table}: {help}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_reference_lists_every_setting_and_no_other() {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in reference().into_iter().filter(|key| !key.is_rockets()) {
        assert!(tables.entry(key.table).or_default().insert(key.name.clone()), "{} stands twice", key.name);
    }
    let of_directories = tables["default.directory"].clone();
    tables.get_mut("default.directories.NAME").unwrap().extend(of_directories);
    let top: Vec<String> = tables.keys().filter_map(|table| Some(table.split('.').nth(1)?.to_owned())).collect();
    tables.get_mut("default").unwrap().extend(top);
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
fn every_variable_is_named_after_its_key() {
    for key in reference() {
        let path = format!("{}.{}", key.table, key.name).to_ascii_uppercase();
        let path = path.strip_prefix("DEFAULT.").unwrap().replace('.', "__");
        let prefix = if key.is_rockets() { "ROCKET_" } else { "BELVEDERE_" };
        assert_eq!(key.variable, format!("{prefix}{path}"));
    }
}

#[test]
fn every_default_is_right() {
    let mut seen = 0;
    for key in reference().iter().filter(|key| !key.is_rockets()) {
        let Some(default) = &key.default else { continue };
        let path = key.path();
        let table = path.rsplit_once('.').map_or_else(|| "default".to_owned(), |(table, _)| format!("default.{table}"));
        let plain = if path.starts_with("sources.") { "[default.sources.stock]\n" } else { "" };
        assert_eq!(settled(&format!("[{table}]\n{} = {default}\n", key.name)), settled(plain), "{path} = {default}");
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_bound_is_right() {
    let mut seen = 0;
    for key in reference() {
        let Some((least, most)) = &key.bounds else { continue };
        let beyond = match most.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "" => "99999999999999",
            "ms" | "s" | "m" | "h" | "d" => "\"99999999d\"",
            _ => "\"999GiB\"",
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
    command.env("BELVEDERE_SOURCES__STOCK__KIND", "http").env("BELVEDERE_SOURCES__STOCK__URL", "https://stock.example/");
    for key in reference().iter().filter(|key| !key.is_rockets()) {
        if let Some(default) = &key.default {
            let value = default.trim_matches('"').replace('_', if default.contains('"') { "_" } else { "" });
            command.env(key.variable.replace("__NAME__", "__STOCK__"), value);
        }
    }
    let output = run_to_end(command).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_settings_file_of_the_repository_shows_the_defaults() {
    let written = fs::read_to_string(root().join("Rocket.toml")).unwrap();
    assert_eq!(settled(&written), settled(""));
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
