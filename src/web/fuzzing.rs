//! What this room reads before anybody is known, for the fuzz targets in `fuzz/`. Not part of the program: it is there only
//! with the feature `fuzzing`.

/// The name in a sign-in form, when it can be read as one.
pub fn sign_in_form(form: &str) -> Option<String> {
    super::routes::parse_username(form)
}
