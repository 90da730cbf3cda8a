use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::figment::error::{Error, Kind};
use rocket::figment::value::{Tag, Value as FigmentValue};
use rocket::figment::{Figment, Metadata, Profile, Source};

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};
use super::document::Document;
use super::environment::{ENVIRONMENT_METADATA, SETTINGS_FILE_VARIABLE};
use super::hints::{closest, quote};
use super::tree::{ConfigEntry, ConfigNode, ConfigValue, parse_document};

/// The files and variables that the settings come from, for finding the location of each merged value.
pub(super) struct ConfigSources<'f> {
    figment: &'f Figment,
    files: Vec<SettingsFile>,
    /// The files that cannot be read at all.
    unreadable: Diagnostics,
}

/// The profiles that there are without a table of their name.
const BUILT_IN_PROFILES: [&str; 4] = ["default", "global", "debug", "release"];

/// One settings file.
struct SettingsFile {
    /// Its path, as figment has it.
    path: PathBuf,
    document: Arc<Document>,
    /// Its contents. Only their locations are of use: the values are figment's, which has merged them.
    root: ConfigNode,
    syntax_errors: Diagnostics,
}

/// How to write one of Rocket's settings: those that everybody sets in their own words, any other by its manual.
fn rocket_help(key: &str) -> &'static str {
    match key {
        "address" => {
            "write an IP address: `\"127.0.0.1\"` for this machine alone, `\"0.0.0.0\"` or `\"::\"` for the network too; its port is \
             `port`"
        }
        "port" => "write a number from 1 to 65535, without quotes",
        "tls" => "write beneath [default.tls] `certs = \"cert.pem\"` and `key = \"key.pem\"`",
        _ => "this is one of Rocket's own settings: https://rocket.rs/guide/v0.5/configuration/",
    }
}

impl<'f> ConfigSources<'f> {
    /// Reads again the files that `figment` was made from.
    pub(super) fn from_figment(figment: &'f Figment) -> Self {
        let (mut files, mut unreadable) = (Vec::new(), Diagnostics::default());
        for metadata in figment.metadata() {
            let Some(Source::File(path)) = &metadata.source else { continue };
            match SettingsFile::read(path) {
                Ok(file) => files.push(file),
                Err(error) => unreadable.push(unreadable_file(path, &error)),
            }
        }
        Self { figment, files, unreadable }
    }

    /// The entries of the selected profile, merged, each value with its location. `tables` are the keys of tables, which
    /// people put outside a profile by mistake.
    ///
    /// # Errors
    /// The errors that keep figment from merging: broken syntax, values outside a profile.
    pub(super) fn merged(&self, tables: &[&str]) -> Result<Vec<ConfigEntry>, Diagnostics> {
        let mut outside_profile = self.outside_profile(tables);
        outside_profile.extend(self.misspelt_profile());
        let merged = self.figment.find_value("").map_err(|error| self.merge_errors(error, tables))?;
        if !outside_profile.is_empty() {
            return Err(outside_profile);
        }
        match self.to_node(&merged, &mut Vec::new()).value {
            ConfigValue::Table(entries) => Ok(entries),
            _ => Ok(Vec::new()),
        }
    }

    /// The location of the settings as a whole: their file, if there is one.
    pub(super) fn root_location(&self) -> SourceLocation {
        self.files.first().map_or_else(|| SourceLocation::key("directory"), |file| SourceLocation::file(&file.document.file))
    }

    /// The diagnostic for an error that figment found.
    pub(super) fn diagnostic_for(&self, error: &Error) -> Diagnostic {
        let location = error.metadata.as_ref().map_or_else(
            || SourceLocation::key(error.path.join(".")),
            |metadata| self.location_in(metadata, error.profile.as_ref(), &error.path),
        );
        if error.path.first().is_some_and(|key| key == "secret_key") {
            return Diagnostic::new(
                location,
                "`secret_key` is not a key",
                "write 32 random bytes in base64, as `openssl rand -base64 32` prints them, or leave it out: one is made and kept",
            );
        }
        let key = error.path.join(".");
        let message = match &error.kind {
            Kind::MissingField(_) => format!("`{key}`: {}", error.kind),
            // What was written may be the private key itself.
            _ if key.starts_with("tls") => format!("`{key}` is not in the form that Rocket takes"),
            kind => format!("`{key}`: {kind}"),
        };
        Diagnostic::new(location, message, rocket_help(error.path.first().map_or("", String::as_str)))
    }

    fn merge_errors(&self, error: Error, tables: &[&str]) -> Diagnostics {
        let mut diagnostics = self.unreadable.clone();
        diagnostics.extend(self.files.iter().flat_map(|file| file.syntax_errors.iter().cloned()));
        if diagnostics.is_empty() {
            diagnostics.extend(self.outside_profile(tables));
        }
        if diagnostics.is_empty() {
            diagnostics.extend(error.into_iter().map(|error| self.unreadable_source(&error)));
        }
        diagnostics
    }

    /// A source that figment could not read although its syntax seemed valid. Its message may quote the text, so only
    /// its first line is shown.
    fn unreadable_source(&self, error: &Error) -> Diagnostic {
        let message = error.kind.to_string();
        let message = message.lines().next().unwrap_or_default().to_owned();
        let source = error.metadata.as_ref().map_or("", |metadata| &*metadata.name);
        if source == SETTINGS_FILE_VARIABLE {
            let help =
                "correct the path, or take the variable out: then Rocket.toml is read, of this folder or of one above it";
            return Diagnostic::new(SourceLocation::variable(source), message, help);
        }
        let file = self.files.first().filter(|_| source != ENVIRONMENT_METADATA);
        match file {
            Some(file) => Diagnostic::new(
                SourceLocation::file(&file.document.file),
                format!("the file cannot be read: {message}"),
                "write each table in one piece and each inline table in one line, as TOML 1.0 wants it",
            ),
            None => Diagnostic::new(
                SourceLocation::variable("BELVEDERE_…"),
                message,
                "set each key by one variable, in UTF-8: BELVEDERE_DIRECTORY__URL=ldaps://dc1.corp.example.com",
            ),
        }
    }

    /// The profile that is selected, where it is in no file and another that is much like it is: its settings would be passed over.
    fn misspelt_profile(&self) -> Option<Diagnostic> {
        let selected = self.figment.profile().as_str().as_str();
        let tables = self.files.iter().filter_map(|file| match &file.root.value {
            ConfigValue::Table(entries) => Some(entries.iter().map(|entry| entry.key.as_str())),
            _ => None,
        });
        let known: Vec<&str> = tables.flatten().collect();
        let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(selected)) || BUILT_IN_PROFILES.contains(&selected);
        let meant = closest(selected, &known).filter(|_| !is_known)?;
        let message = format!("the profile {} is in no settings file", quote(selected));
        Some(Diagnostic::new(SourceLocation::variable("ROCKET_PROFILE"), message, format!("did you mean `{meant}`?")))
    }

    /// Keys outside a profile, which figment refuses or takes for profiles of that name.
    fn outside_profile(&self, tables: &[&str]) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        let Some(file) = self.files.first() else { return diagnostics };
        let ConfigValue::Table(entries) = &file.root.value else { return diagnostics };
        let nested =
            |key: &str| self.figment.profiles().any(|profile| profile == key) || self.figment.profiles().next().is_none();
        for entry in entries {
            let key = &entry.key;
            let is_table = matches!(entry.node.value, ConfigValue::Table(_));
            if is_table && tables.contains(&key.as_str()) && nested(key) {
                let help = format!("write `[default.{key}]`");
                diagnostics.push(Diagnostic::new(
                    entry.key_location.clone(),
                    format!("`[{key}]` stands outside a profile"),
                    help,
                ));
            } else if !is_table && self.figment.find_value("").is_err() {
                let help = "put it beneath the line `[default]`";
                diagnostics.push(Diagnostic::new(
                    entry.key_location.clone(),
                    format!("`{key}` stands outside a profile"),
                    help,
                ));
            }
        }
        diagnostics
    }

    fn to_node(&self, merged: &FigmentValue, path: &mut Vec<String>) -> ConfigNode {
        let location = self.location(merged.tag(), path, matches!(merged, FigmentValue::Dict(..)));
        let is_variable = self.metadata(merged.tag()).is_some_and(|metadata| metadata.name.contains(ENVIRONMENT_METADATA));
        let value = match merged {
            FigmentValue::String(_, text) if is_variable => ConfigValue::EnvVar(text.clone()),
            FigmentValue::String(_, text) => ConfigValue::String(text.clone()),
            FigmentValue::Char(_, c) => ConfigValue::String(c.to_string()),
            FigmentValue::Bool(_, boolean) => ConfigValue::Boolean(*boolean),
            FigmentValue::Num(_, number) => match (integer(merged).map(i64::try_from), number.to_f64()) {
                (Some(Ok(integer)), _) => ConfigValue::Integer(integer),
                (None, Some(float)) => ConfigValue::Float(float),
                _ => ConfigValue::Unsupported("a number beyond 64 bits"),
            },
            FigmentValue::Empty(..) => ConfigValue::Unsupported("nothing"),
            FigmentValue::Array(_, items) => {
                let mut nodes = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    nodes.push(self.to_node(item, path));
                    path.pop();
                }
                ConfigValue::Array(nodes)
            }
            FigmentValue::Dict(_, dict) => {
                let mut entries: Vec<ConfigEntry> = Vec::new();
                for (key, value) in dict {
                    path.push(key.clone());
                    let node = self.to_node(value, path);
                    let key_location = self.key_location(path).unwrap_or_else(|| node.location.clone());
                    entries.push(ConfigEntry { key: key.clone(), key_location, node });
                    path.pop();
                }
                // Figment sorts by name; people sort by meaning.
                entries.sort_by_key(|entry| entry.key_location.span().map(|span| span.start));
                ConfigValue::Table(entries)
            }
        };
        ConfigNode { location, value }
    }

    fn metadata(&self, tag: Tag) -> Option<&Metadata> {
        self.figment.get_metadata(tag)
    }

    fn location(&self, tag: Tag, path: &[String], is_table: bool) -> SourceLocation {
        // A table may be written in several places; what is missing in it is best written in the file.
        if is_table
            && !path.is_empty()
            && let Some(node) = self.files.iter().find_map(|file| self.lookup(file, None, path))
        {
            return node.location.clone();
        }
        match self.metadata(tag) {
            Some(metadata) => self.location_in(metadata, tag.profile().as_ref(), path),
            None if path.is_empty() => self.root_location(),
            None => SourceLocation::key(path.join(".")),
        }
    }

    fn location_in(&self, metadata: &Metadata, profile: Option<&Profile>, path: &[String]) -> SourceLocation {
        if let Some(Source::File(source)) = &metadata.source
            && let Some(file) = self.files.iter().find(|file| file.path == *source)
        {
            let found = self.lookup(file, profile, path);
            return found.map_or_else(|| SourceLocation::file(&file.document.file), |node| node.location.clone());
        }
        if metadata.name == ENVIRONMENT_METADATA {
            return SourceLocation::variable(metadata.interpolate(&Profile::Default, path));
        }
        // Rocket's own variables, named "`ROCKET_` environment variable(s)".
        if let Some(rest) = metadata.name.strip_prefix('`')
            && let Some((prefix, _)) = rest.split_once('`')
            && let Some(key) = path.first()
        {
            return SourceLocation::variable(format!("{prefix}{}", key.to_ascii_uppercase()));
        }
        SourceLocation::key(path.join("."))
    }

    fn key_location(&self, path: &[String]) -> Option<SourceLocation> {
        let (key, table) = path.split_last()?;
        let entry = |file| self.lookup(file, None, path).and(self.lookup(file, None, table)?.get(key));
        self.files.iter().find_map(entry).map(|entry| entry.key_location.clone())
    }

    /// The node at `path` in a file: in `profile`, or else in the profile that figment would take it from.
    fn lookup<'w>(&self, file: &'w SettingsFile, profile: Option<&Profile>, path: &[String]) -> Option<&'w ConfigNode> {
        let selected = self.figment.profile().as_str().as_str();
        let order = [profile.map(|profile| profile.as_str().as_str()), Some("global"), Some(selected), Some("default")];
        let ConfigValue::Table(profiles) = &file.root.value else { return None };
        let nested = order.into_iter().flatten().find_map(|name| {
            let profile = profiles.iter().find(|entry| entry.key.eq_ignore_ascii_case(name))?;
            descend(&profile.node, path)
        });
        nested.or_else(|| descend(&file.root, path).filter(|_| !path.is_empty()))
    }
}

/// The node at the end of `path`, through tables by key and through arrays by index.
fn descend<'w>(from: &'w ConfigNode, path: &[String]) -> Option<&'w ConfigNode> {
    let Some((key, rest)) = path.split_first() else { return Some(from) };
    match &from.value {
        ConfigValue::Array(items) => descend(items.get(key.parse::<usize>().ok()?)?, rest),
        _ => descend(&from.get(key)?.node, rest),
    }
}

impl SettingsFile {
    fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let document = Arc::new(Document::of_settings(relative_to_working_directory(path), text));
        let (entries, syntax_errors) = parse_document(&document);
        let root = ConfigNode { location: SourceLocation::in_document(&document, 0..0), value: ConfigValue::Table(entries) };
        Ok(Self { path: path.to_owned(), document, root, syntax_errors })
    }
}

fn unreadable_file(path: &Path, error: &io::Error) -> Diagnostic {
    let (message, help) = match error.kind() {
        ErrorKind::PermissionDenied => (
            "the program's user may not read this file".to_owned(),
            "let that user read it, and nobody else if there are secrets in it; see to the folders above, too",
        ),
        ErrorKind::InvalidData => {
            ("this file is not UTF-8".to_owned(), "save it as UTF-8: some editors, and PowerShell's `>`, write UTF-16")
        }
        _ => (format!("this file cannot be read: {error}"), "make the file readable"),
    };
    Diagnostic::new(SourceLocation::file(relative_to_working_directory(path)), message, help)
}

/// The path as one would type it here: relative when it lies beneath the working directory.
fn relative_to_working_directory(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_owned()
}

/// An integer, with or without a sign: figment keeps the two apart.
fn integer(merged: &FigmentValue) -> Option<i128> {
    merged.to_i128().or_else(|| i128::try_from(merged.to_u128()?).ok())
}
