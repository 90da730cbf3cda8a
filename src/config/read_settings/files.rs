use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::super::diagnostic::{SourceLocation, Spot};
use super::super::reader::{Fields, Placed};

/// The largest secret: long beyond any password or token, so that a wrong path is noticed.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The bundles of operating systems are some hundred KiB.
const LARGEST_CA_FILE: u64 = 4 * 1024 * 1024;

/// A path. One that is written in a file is relative to that file's folder, as Rocket's own are; one from the
/// environment is relative to the working directory.
pub(super) fn path(fields: &mut Fields<'_>, key: &'static str) -> Option<Placed<PathBuf>> {
    let text = fields.placed_text(key)?;
    let value = match text.place.spot() {
        Spot::Text(document, _) => document.file.parent().unwrap_or(Path::new("")).join(&text.value),
        _ => PathBuf::from(&text.value),
    };
    Some(Placed { value, place: text.place })
}

/// A secret that stands either under `key` or in the file that `file_key` names. `None` when something is wrong,
/// `Some(None)` when neither is there.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
pub(super) fn secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    file_key: &'static str,
) -> Option<Option<Placed<Zeroizing<String>>>> {
    let both = fields.key_place(key).and(fields.key_place(file_key));
    let written = fields.or(key, None, |fields, key| {
        fields.placed_text(key).map(|text| Some(Placed { value: Zeroizing::new(text.value), place: text.place }))
    });
    let in_file = fields.or(file_key, None, |fields, key| {
        let file = path(fields, key)?;
        let value = secret_in(fields, &file)?;
        Some(Some(Placed { value, place: file.place }))
    });
    if let Some(place) = both {
        fields.ledger.note(
            &place,
            format!("`{key}` and `{file_key}` are both set"),
            format!("keep one of them; `{file_key}` keeps the secret out of the settings"),
        );
        return None;
    }
    Some(written?.or(in_file?))
}

/// The secret in a file, without the line break that editors put at its end.
pub(super) fn secret_in(fields: &Fields<'_>, file: &Placed<PathBuf>) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(contents(fields, file, LARGEST_SECRET)?);
    let path = file.value.display();
    let Ok(text) = std::str::from_utf8(&bytes) else {
        fields.ledger.note(&file.place, format!("{path} is not UTF-8"), "the file holds the secret as plain text");
        return None;
    };
    let secret = text.strip_suffix('\n').unwrap_or(text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        fields.ledger.note(&file.place, format!("{path} is empty"), "write the secret into it, on one line");
        return None;
    }
    Some(Zeroizing::new(secret.to_owned()))
}

/// A file of PEM certificates, looked at now so that it is not missed at the first sign-in.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
pub(super) fn ca_file(fields: &mut Fields<'_>) -> Option<Option<PathBuf>> {
    fields.or("ca_file", None, |fields, key| {
        let file = path(fields, key)?;
        let pem = contents(fields, &file, LARGEST_CA_FILE)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let help = "it holds the certificate of the authority that signed the server's, between the lines \
                    -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----";
        let message = match certificates {
            Ok(certificates) if !certificates.is_empty() => return Some(Some(file.value)),
            Ok(_) => format!("{} has no PEM certificate in it", file.value.display()),
            Err(error) => format!("{} is not sound PEM: {error}", file.value.display()),
        };
        fields.ledger.note(&file.place, message, help);
        None
    })
}

fn contents(fields: &Fields<'_>, file: &Placed<PathBuf>, most: u64) -> Option<Vec<u8>> {
    match read(&file.value, most) {
        Ok(bytes) if bytes.len() as u64 <= most => return Some(bytes),
        Ok(_) => {
            let message = format!("{} is larger than {most} bytes", file.value.display());
            fields.ledger.note(&file.place, message, "this can hardly be the file that is meant: correct the path");
        }
        Err(error) => {
            let message = format!("{} cannot be read: {error}", file.value.display());
            fields.ledger.note(&file.place, message, remedy(&file.place));
        }
    }
    None
}

fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large from one that just fits.
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn remedy(place: &SourceLocation) -> &'static str {
    match place.spot() {
        Spot::Text(..) => {
            "correct the path, which is relative to the settings' folder, or let the program's user read the file"
        }
        _ => "correct the path, which is relative to the working directory, or let the program's user read the file",
    }
}
