use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rocket::figment::error::Error;
use rocket::figment::value::{Dict, Map, Value};
use rocket::figment::{Figment, Metadata, Profile, Provider};

/// The prefix of this program's variables.
const PREFIX: &str = "BELVEDERE_";

/// The separator of a table's name and a key's in a variable's name. A single `_` is part of a key.
const SEPARATOR: &str = "__";

/// The name of these values' figment metadata, by which their locations are recognized.
pub(super) const ENVIRONMENT_METADATA: &str = "environment variable";

/// The variable that names another settings file than `Rocket.toml`.
pub(super) const SETTINGS_FILE_VARIABLE: &str = "ROCKET_CONFIG";

/// The sources of settings, weakest first: Rocket's defaults, `Rocket.toml` (or the file that `ROCKET_CONFIG`
/// names) with its profiles, `ROCKET_…` variables, `BELVEDERE_…` variables. `ROCKET_PROFILE` selects the profile.
pub fn figment() -> Figment {
    rocket::Config::figment().merge(Environment::from_process()).merge(NamedSettingsFile::from_process())
}

/// The settings file that `ROCKET_CONFIG` names. It has been read where it is there; where it is not, Rocket goes on without a word, and
/// without anything that stands in it.
struct NamedSettingsFile(Option<PathBuf>);

impl NamedSettingsFile {
    fn from_process() -> Self {
        Self(std::env::var_os(SETTINGS_FILE_VARIABLE).map(PathBuf::from))
    }

    /// Whether there is such a file: a relative one here, or in a folder above.
    fn is_there(file: &Path) -> bool {
        let here = std::env::current_dir().unwrap_or_default();
        here.ancestors().any(|folder| folder.join(file).is_file())
    }
}

impl Provider for NamedSettingsFile {
    fn metadata(&self) -> Metadata {
        Metadata::named(SETTINGS_FILE_VARIABLE)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        match &self.0 {
            Some(file) if !Self::is_there(file) => Err(format!("there is no settings file {}", file.display()).into()),
            _ => Ok(Map::new()),
        }
    }
}

/// The provider of the variables `BELVEDERE_DIRECTORY__URL` and so on. Unlike figment's own it leaves every value the
/// text it is, so that the password `0123` is not the number 123; whoever wants a number reads one.
pub(super) struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    pub(super) fn from_process() -> Self {
        Self::new(std::env::vars_os())
    }

    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut variables: Vec<_> =
            variables.into_iter().filter(|(name, _)| name.to_string_lossy().starts_with(PREFIX)).collect();
        variables.sort();
        Self { variables }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT_METADATA).interpolater(|_, path| {
            let keys: Vec<_> = path.iter().map(|key| key.to_ascii_uppercase()).collect();
            format!("{PREFIX}{}", keys.join(SEPARATOR))
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut settings = Dict::new();
        for (name, value) in &self.variables {
            let name = name.to_str().ok_or_else(|| format!("the name of {} is not UTF-8", name.display()))?;
            let value = value.to_str().ok_or_else(|| format!("the value of {name} is not UTF-8"))?;
            let path = name[PREFIX.len()..].to_ascii_lowercase();
            let path: Vec<_> = path.split(SEPARATOR).collect();
            if !insert_at(&mut settings, &path, value) {
                return Err(format!("{name} and a variable whose name begins like it set the same thing").into());
            }
        }
        Ok(Profile::Global.collect(settings))
    }
}

/// Inserts `value` at the end of `path`; `false` when a value stands in the way. The names come sorted, so a table
/// never finds itself behind its own keys.
fn insert_at(settings: &mut Dict, path: &[&str], value: &str) -> bool {
    match path {
        [] => false,
        [key] => settings.insert((*key).to_owned(), Value::from(value)).is_none(),
        [table, rest @ ..] => match settings.entry((*table).to_owned()).or_insert_with(|| Value::from(Dict::new())) {
            Value::Dict(_, table) => insert_at(table, rest, value),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn only_our_variables_count_and_what_is_not_text_is_not_lost_in_silence() {
        let ours = Environment::new([("HOME".into(), "x".into()), ("BELVEDERE_STATE".into(), "y".into())]);
        let figment = Figment::from(ours);
        assert_eq!(figment.extract_inner::<String>("state").ok().as_deref(), Some("y"));
        assert!(!figment.contains("home"));
        let broken = Environment::new([("BELVEDERE_STATE".into(), OsString::from_vec(vec![0xff]))]);
        assert!(broken.data().is_err_and(|error| error.to_string().contains("BELVEDERE_STATE is not UTF-8")));
    }
}
