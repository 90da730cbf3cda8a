use super::super::reader::Fields;
use super::super::settings::{MetricsSettings, Secret};
use super::files::secret;

/// The least length of the token, which must be beyond guessing, as `/metrics` has no throttle: monitoring asks often.
/// This many characters of base64 are 144 bits, of hexadecimal 96.
const MIN_TOKEN_CHARS: usize = 24;

/// Reads `[metrics]`.
pub(super) fn read_metrics(mut fields: Fields<'_>) -> Option<MetricsSettings> {
    let token = secret(&mut fields, "token", "token_file");
    let sink = fields.sink;
    fields.finish();
    let Some(token) = token? else { return Some(MetricsSettings { token: None }) };
    let characters = token.value.chars().count();
    // What RFC 6750, 2.1 allows in a header, so that every client can send it.
    let valid = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let message = if characters < MIN_TOKEN_CHARS {
        format!("the token has {characters} characters, and fewer than {MIN_TOKEN_CHARS} might be guessed")
    } else if !token.value.chars().all(valid) {
        "the token has a character that does not belong into a header".to_owned()
    } else {
        return Some(MetricsSettings { token: Some(Secret::new(token.value.as_str().to_owned())) });
    };
    let help = "make one with `openssl rand -hex 32`, and give the same to the monitoring system";
    sink.report(&token.location, message, help);
    None
}
