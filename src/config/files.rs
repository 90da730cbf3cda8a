use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::diagnostic::{LocationKind, SourceLocation};
use super::reader::{DiagnosticSink, Fields, Located};
use super::secret::Secret;
use super::tree::{ConfigNode, ConfigValue};

/// The largest secret: long beyond any password or token, so that a wrong path is noticed.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The largest CA file; the bundles of operating systems are some hundred KiB.
const MAX_CA_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A path. One that is written in a file is relative to that file's folder, as Rocket's own are; one from the
/// environment is relative to the working directory.
pub(crate) fn path(fields: &mut Fields<'_>, key: &'static str) -> Option<Located<PathBuf>> {
    let text = fields.located_string(key)?;
    Some(Located { value: resolve(&text.value, &text.location), location: text.location })
}

/// The path under `key`, which is yet to be read.
pub(super) fn peek_path(fields: &Fields<'_>, key: &str) -> Option<PathBuf> {
    match fields.peek(key)? {
        ConfigNode { value: ConfigValue::String(text) | ConfigValue::EnvVar(text), location } => Some(resolve(text, location)),
        _ => None,
    }
}

/// The path that is meant by a text at this location.
pub(crate) fn resolve(text: &str, location: &SourceLocation) -> PathBuf {
    match location.kind() {
        LocationKind::Text(document, _) => document.file.parent().unwrap_or(Path::new("")).join(text),
        _ => PathBuf::from(text),
    }
}

/// A secret that stands either under `key` or in the file that `file_key` names. `None` when something is wrong,
/// `Some(None)` when neither is there.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
pub(crate) fn secret(fields: &mut Fields<'_>, key: &'static str, file_key: &'static str) -> Option<Option<Located<Secret>>> {
    let both = fields.key_location(key).and(fields.key_location(file_key));
    let written = fields.optional(key, None, |fields, key| fields.take(key)?.into_secret(key, fields.sink).map(Some));
    let in_file = fields.optional(file_key, None, |fields, key| {
        let file = path(fields, key)?;
        let value = read_secret_file(fields, &file)?;
        Some(Some(Located { value, location: file.location }))
    });
    if let Some(location) = both {
        fields.sink.report(
            &location,
            format!("`{key}` and `{file_key}` are both set"),
            format!("keep one of them; `{file_key}` keeps the secret out of the settings"),
        );
        return None;
    }
    Some(written?.or(in_file?))
}

/// A secret as [`secret`] reads it, which has to be there. `None` when it is missing or wrong, which is reported.
pub(crate) fn required_secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    file_key: &'static str,
    help: impl Into<String>,
) -> Option<Located<Secret>> {
    let found = secret(fields, key, file_key)?;
    if found.is_none() {
        fields.report_missing(key, help);
    }
    found
}

/// A secret that is written as text, or in the file that a table names: `{ file = "…" }`, as in the `example`.
pub(crate) fn secret_or_file(name: &str, node: ConfigNode, example: &str, sink: &DiagnosticSink) -> Option<Secret> {
    let node = node.parse_env_toml(sink)?;
    if !matches!(node.value, ConfigValue::Table(_)) {
        return node.into_secret(name, sink).map(|secret| secret.value);
    }
    let mut table = node.into_table(name, sink)?;
    table.require("file", &format!("name the file that holds the value: `{{ file = \"{example}\" }}`"));
    let file = path(&mut table, "file");
    let value = file.and_then(|file| read_secret_file(&table, &file));
    table.finish();
    value
}

/// The secret that a file has now; `None` when there is none in it.
pub(super) fn read_secret(file: &Path) -> Option<Secret> {
    let bytes = Zeroizing::new(read(file, MAX_SECRET_BYTES).ok().filter(|bytes| bytes.len() as u64 <= MAX_SECRET_BYTES)?);
    Some(Secret::new(without_line_break(std::str::from_utf8(&bytes).ok()?).to_owned()))
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The secret in a file, without the line break that editors put at its end.
pub(crate) fn read_secret_file(fields: &Fields<'_>, file: &Located<PathBuf>) -> Option<Secret> {
    let bytes = Zeroizing::new(read_bounded(fields, file, MAX_SECRET_BYTES)?);
    let path = file.value.display();
    let Ok(text) = std::str::from_utf8(&bytes) else {
        fields.sink.report(&file.location, format!("{path} is not UTF-8"), "the file holds the secret as plain text");
        return None;
    };
    let secret = without_line_break(text);
    if secret.is_empty() {
        fields.sink.report(&file.location, format!("{path} is empty"), "write the secret into it, on one line");
        return None;
    }
    Some(Secret::new(secret.to_owned()))
}

/// A file of PEM certificates, looked at now so that it is not missed at the first sign-in.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
pub(crate) fn ca_file(fields: &mut Fields<'_>, key: &'static str) -> Option<Option<PathBuf>> {
    let file = path(fields, key)?;
    let pem = read_bounded(fields, &file, MAX_CA_FILE_BYTES)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let help = "it holds the certificate of the authority that signed the server's, between the lines \
                -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----";
    let message = match certificates {
        Ok(certificates) if !certificates.is_empty() => return Some(Some(file.value)),
        Ok(_) => format!("{} has no PEM certificate in it", file.value.display()),
        Err(error) => format!("{} is not sound PEM: {error}", file.value.display()),
    };
    fields.sink.report(&file.location, message, help);
    None
}

fn read_bounded(fields: &Fields<'_>, file: &Located<PathBuf>, max_bytes: u64) -> Option<Vec<u8>> {
    match read(&file.value, max_bytes) {
        Ok(bytes) if bytes.len() as u64 <= max_bytes => return Some(bytes),
        Ok(_) => {
            let message = format!("{} is larger than {max_bytes} bytes", file.value.display());
            fields.sink.report(&file.location, message, "this can hardly be the file that is meant: correct the path");
        }
        Err(error) => {
            let message = format!("{} cannot be read: {error}", file.value.display());
            fields.sink.report(&file.location, message, help_for(&file.location));
        }
    }
    None
}

fn read(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large from one that just fits.
    File::open(path)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn help_for(location: &SourceLocation) -> &'static str {
    match location.kind() {
        LocationKind::Text(..) => {
            "correct the path, which is relative to the settings' folder, or let the program's user read the file"
        }
        _ => "correct the path, which is relative to the working directory, or let the program's user read the file",
    }
}
