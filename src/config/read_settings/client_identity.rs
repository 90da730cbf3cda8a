use std::path::PathBuf;

use super::super::reader::Fields;

/// Checks that a certificate which is shown to servers, and its key, are there together.
pub(super) fn check_client_identity(certificate: Option<&PathBuf>, key: Option<&PathBuf>, fields: &Fields<'_>) {
    let keys = ["client_certificate_file", "client_key_file"];
    let [certificate_location, key_location] = keys.map(|key| fields.key_location(key));
    let (location, missing) = match (certificate, certificate_location, key, key_location) {
        (Some(_), Some(location), None, None) => (location, keys[1]),
        (None, None, Some(_), Some(location)) => (location, keys[0]),
        _ => return,
    };
    fields.sink.report(&location, format!("`{missing}` is missing beside it"), "a certificate is shown with its key: set both");
}
