//! Parsers of input from unauthenticated clients, for the fuzz targets in `fuzz/`. Not part of the program: it is there
//! only with the feature `fuzzing`.

/// Parses a sign-in form, and gives the name in it.
pub fn sign_in_form(form: &str) -> Option<String> {
    super::routes::parse_username(form)
}
