use super::reader::Fields;

/// Checks that a certificate which is shown to servers, and its key, are there together. `None` when one is missing, which is reported.
pub(crate) fn check_client_identity(fields: &Fields<'_>) -> Option<()> {
    let keys = ["client_certificate_file", "client_key_file"];
    let (location, missing) = match keys.map(|key| fields.key_location(key)) {
        [Some(location), None] => (location, keys[1]),
        [None, Some(location)] => (location, keys[0]),
        _ => return Some(()),
    };
    fields.sink.report(&location, format!("`{missing}` is missing beside it"), "a certificate is shown with its key: set both");
    None
}
