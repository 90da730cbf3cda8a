use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::figment::error::Error;
use rocket::figment::value::{Tag, Value as Merged};
use rocket::figment::{Figment, Metadata, Profile, Source};

use super::diagnostic::{Diagnostic, Diagnostics, Document, SourceLocation};
use super::environment::VARIABLE;
use super::redact::cover;
use super::tree::{Entry, Node, Value, read_document};

/// Where the settings were written, for finding the place of each merged value again.
pub(super) struct Writings<'f> {
    figment: &'f Figment,
    files: Vec<Writing>,
}

/// One settings file.
struct Writing {
    /// As figment knows it.
    path: PathBuf,
    /// Its text, secrets covered.
    document: Arc<Document>,
    /// What is in it. Only its places are of use: the values are figment's, which has merged them.
    root: Node,
    syntax: Diagnostics,
}

impl<'f> Writings<'f> {
    /// Reads again the files that `figment` was made from.
    pub(super) fn of(figment: &'f Figment) -> Self {
        let files = figment
            .metadata()
            .filter_map(|metadata| match &metadata.source {
                Some(Source::File(path)) => Writing::read(path),
                _ => None,
            })
            .collect();
        Self { figment, files }
    }

    /// Everything that is said in the selected profile, merged, each value with its place.
    ///
    /// # Errors
    /// What keeps figment from merging: broken syntax, values outside a profile.
    pub(super) fn merged(&self) -> Result<Vec<Entry>, Diagnostics> {
        let misplaced = self.misplaced();
        let merged = self.figment.find_value("").map_err(|error| self.broken(error))?;
        if !misplaced.is_empty() {
            return Err(misplaced);
        }
        match self.node(&merged, &mut Vec::new()).value {
            Value::Table(entries) => Ok(entries),
            _ => Ok(Vec::new()),
        }
    }

    /// The place of the whole: the settings file, if there is one.
    pub(super) fn whole(&self) -> SourceLocation {
        self.files
            .first()
            .map_or_else(|| SourceLocation::key("directory"), |file| SourceLocation::file(&file.document.file))
    }

    /// The folder that defaults are relative to: that of the settings file.
    pub(super) fn folder(&self) -> PathBuf {
        self.files.first().and_then(|file| file.document.file.parent()).map(Path::to_path_buf).unwrap_or_default()
    }

    /// A fault that figment found, at its place.
    pub(super) fn fault_of(&self, error: &Error) -> Diagnostic {
        let place = error.metadata.as_ref().map_or_else(
            || SourceLocation::key(error.path.join(".")),
            |metadata| self.place_in(metadata, error.profile.as_ref(), &error.path),
        );
        if error.path.first().is_some_and(|key| key == "secret_key") {
            return Diagnostic::new(
                place,
                "`secret_key` is not a key",
                "write 32 random bytes in base64, as `openssl rand -base64 32` prints them, or leave it out: one is made and kept",
            );
        }
        let key = error.path.join(".");
        let help = "this is one of Rocket's own settings: https://rocket.rs/guide/v0.5/configuration/";
        Diagnostic::new(place, format!("`{key}`: {}", error.kind), help)
    }

    fn broken(&self, error: Error) -> Diagnostics {
        let mut faults: Diagnostics = self.files.iter().flat_map(|file| file.syntax.iter().cloned()).collect();
        if faults.is_empty() {
            faults.extend(self.misplaced());
        }
        if faults.is_empty() {
            faults.extend(error.into_iter().map(|error| self.unreadable(&error)));
        }
        faults
    }

    /// What figment could not read although the syntax seemed sound. Its message may quote the text, so only the first
    /// line of it is shown.
    fn unreadable(&self, error: &Error) -> Diagnostic {
        let message = error.kind.to_string();
        let message = message.lines().next().unwrap_or_default().to_owned();
        let of_variables = error.metadata.as_ref().is_some_and(|metadata| metadata.name == VARIABLE);
        let file = self.files.first().filter(|_| !of_variables);
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

    /// Keys outside a profile, which figment refuses or takes for profiles of that name.
    fn misplaced(&self) -> Diagnostics {
        let mut faults = Diagnostics::default();
        let Some(file) = self.files.first() else { return faults };
        let Value::Table(entries) = &file.root.value else { return faults };
        let nested = |key: &str| {
            self.figment.profiles().any(|profile| profile == key) || self.figment.profiles().next().is_none()
        };
        for entry in entries {
            let key = &entry.key;
            let is_table = matches!(entry.node.value, Value::Table(_));
            if is_table && super::read_settings::TABLES.contains(&key.as_str()) && nested(key) {
                let help = format!("write `[default.{key}]`");
                faults.push(Diagnostic::new(
                    entry.key_place.clone(),
                    format!("`[{key}]` stands outside a profile"),
                    help,
                ));
            } else if !is_table && self.figment.find_value("").is_err() {
                let help = "put it beneath the line `[default]`";
                faults.push(Diagnostic::new(
                    entry.key_place.clone(),
                    format!("`{key}` stands outside a profile"),
                    help,
                ));
            }
        }
        faults
    }

    fn node(&self, merged: &Merged, path: &mut Vec<String>) -> Node {
        let place = self.place(merged.tag(), path, matches!(merged, Merged::Dict(..)));
        let of_variables = self.metadata(merged.tag()).is_some_and(|metadata| metadata.name.contains(VARIABLE));
        let value = match merged {
            Merged::String(_, text) if of_variables => Value::Variable(text.clone()),
            Merged::String(_, text) => Value::Text(text.clone()),
            Merged::Char(_, c) => Value::Text(c.to_string()),
            Merged::Bool(_, truth) => Value::Truth(*truth),
            Merged::Num(_, number) => match (whole(merged).map(i64::try_from), number.to_f64()) {
                (Some(Ok(whole)), _) => Value::Whole(whole),
                (None, Some(real)) => Value::Real(real),
                _ => Value::Other("a number beyond 64 bits"),
            },
            Merged::Empty(..) => Value::Other("nothing"),
            Merged::Array(_, items) => {
                let mut nodes = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    nodes.push(self.node(item, path));
                    path.pop();
                }
                Value::List(nodes)
            }
            Merged::Dict(_, dict) => {
                let mut entries: Vec<Entry> = Vec::new();
                for (key, value) in dict {
                    path.push(key.clone());
                    let node = self.node(value, path);
                    let key_place = self.written_key(path).unwrap_or_else(|| node.place.clone());
                    entries.push(Entry { key: key.clone(), key_place, node });
                    path.pop();
                }
                // Figment sorts by name; people sort by meaning.
                entries.sort_by_key(|entry| entry.key_place.span().map(|span| span.start));
                Value::Table(entries)
            }
        };
        Node { place, value }
    }

    fn metadata(&self, tag: Tag) -> Option<&Metadata> {
        self.figment.get_metadata(tag)
    }

    fn place(&self, tag: Tag, path: &[String], is_table: bool) -> SourceLocation {
        // A table may be written in several places; what is missing in it is best written in the file.
        if is_table
            && !path.is_empty()
            && let Some(node) = self.files.iter().find_map(|file| self.lookup(file, None, path))
        {
            return node.place.clone();
        }
        match self.metadata(tag) {
            Some(metadata) => self.place_in(metadata, tag.profile().as_ref(), path),
            None if path.is_empty() => self.whole(),
            None => SourceLocation::key(path.join(".")),
        }
    }

    fn place_in(&self, metadata: &Metadata, profile: Option<&Profile>, path: &[String]) -> SourceLocation {
        if let Some(Source::File(source)) = &metadata.source
            && let Some(file) = self.files.iter().find(|file| file.path == *source)
        {
            let found = self.lookup(file, profile, path);
            return found.map_or_else(|| SourceLocation::file(&file.document.file), |node| node.place.clone());
        }
        if metadata.name == VARIABLE {
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

    fn written_key(&self, path: &[String]) -> Option<SourceLocation> {
        let (key, table) = path.split_last()?;
        let entry = |file| self.lookup(file, None, path).and(self.lookup(file, None, table)?.entry(key));
        self.files.iter().find_map(entry).map(|entry| entry.key_place.clone())
    }

    /// What stands at `path` in a file: in `profile`, or else in the profile that figment would take it from.
    fn lookup<'w>(&self, file: &'w Writing, profile: Option<&Profile>, path: &[String]) -> Option<&'w Node> {
        let selected = self.figment.profile().as_str().as_str();
        let order = [profile.map(|profile| profile.as_str().as_str()), Some("global"), Some(selected), Some("default")];
        let Value::Table(profiles) = &file.root.value else { return None };
        let nested = order.into_iter().flatten().find_map(|name| {
            let profile = profiles.iter().find(|entry| entry.key.eq_ignore_ascii_case(name))?;
            descend(&profile.node, path)
        });
        nested.or_else(|| descend(&file.root, path).filter(|_| !path.is_empty()))
    }
}

/// What stands at the end of `path`, through tables by key and through lists by index.
fn descend<'w>(from: &'w Node, path: &[String]) -> Option<&'w Node> {
    let Some((key, rest)) = path.split_first() else { return Some(from) };
    match &from.value {
        Value::List(items) => descend(items.get(key.parse::<usize>().ok()?)?, rest),
        _ => descend(&from.entry(key)?.node, rest),
    }
}

impl Writing {
    /// `None` when it cannot be read: figment has said so already.
    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let document = Arc::new(Document { file: near(path), text: cover(&text) });
        // The covered text is for showing; the places are taken from the text itself, which is as long.
        let (entries, syntax) = read_document(&text, &document);
        let root = Node { place: SourceLocation::in_document(&document, 0..0), value: Value::Table(entries) };
        Some(Self { path: path.to_owned(), document, root, syntax })
    }
}

/// The path as one would type it here: relative when it lies beneath the working directory.
fn near(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_owned()
}

/// A whole number, whether it was given with or without a sign: figment keeps the two apart.
fn whole(merged: &Merged) -> Option<i128> {
    merged.to_i128().or_else(|| i128::try_from(merged.to_u128()?).ok())
}
