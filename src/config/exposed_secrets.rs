use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::diagnostic::LocationKind;
use super::files::resolve;
use super::tree::{ConfigEntry, ConfigNode, ConfigValue};

/// The bits of a mode by which users who are neither the owner nor in the group may read or write.
const OPEN_TO_ALL: u32 = 0o006;

/// Keys that name a file and nothing secret in it.
const PUBLIC_FILES: [&str; 2] = ["ca_file", "client_certificate_file"];

/// Keys whose value is the secret itself.
const SECRETS: [&str; 5] = ["bind_password", "client_secret", "password", "secret_key", "token"];

/// The files with secrets that every user of this machine may read: those that `…_file` keys name, the private key of
/// `[tls]`, and settings with a secret in them.
pub(super) fn exposed_secrets(entries: &[ConfigEntry]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(entries, "", &mut files);
    files.sort();
    files.dedup();
    files.retain(|file| fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & OPEN_TO_ALL != 0));
    files
}

fn collect(entries: &[ConfigEntry], table: &str, files: &mut Vec<PathBuf>) {
    for ConfigEntry { key, node, .. } in entries {
        let names_file =
            key.ends_with("_file") && !PUBLIC_FILES.contains(&key.as_str()) || (table, key.as_str()) == ("tls", "key");
        match (&node.value, node.location.kind()) {
            (ConfigValue::Table(inner), _) => collect(inner, key, files),
            (ConfigValue::Array(items), _) => items.iter().for_each(|item| collect_item(item, key, files)),
            (ConfigValue::String(text) | ConfigValue::EnvVar(text), _) if names_file => {
                files.push(resolve(text, &node.location));
            }
            (ConfigValue::String(_), LocationKind::Text(document, _))
                if SECRETS.contains(&key.as_str()) || (table, key.as_str()) == ("store", "url") =>
            {
                files.push(document.file.clone());
            }
            _ => {}
        }
    }
}

fn collect_item(item: &ConfigNode, key: &str, files: &mut Vec<PathBuf>) {
    if let ConfigValue::Table(inner) = &item.value {
        collect(inner, key, files);
    }
}
