use super::super::reader::Fields;
use super::super::settings::{MetricsSettings, Secret};
use super::files::secret;

/// Whoever guesses is not held back here, as a monitoring system asks often: the token itself must be beyond guessing.
/// This many characters of base64 are 144 bits, of hexadecimal 96.
const SHORTEST_TOKEN: usize = 24;

/// `[metrics]`.
pub(super) fn read_metrics(mut fields: Fields<'_>) -> Option<MetricsSettings> {
    let token = secret(&mut fields, "token", "token_file");
    let ledger = fields.ledger;
    fields.finish();
    let Some(token) = token? else { return Some(MetricsSettings { token: None }) };
    let characters = token.value.chars().count();
    // What RFC 6750, 2.1 allows in a header, so that every client can send it.
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let message = if characters < SHORTEST_TOKEN {
        format!("the token has {characters} characters, and fewer than {SHORTEST_TOKEN} might be guessed")
    } else if !token.value.chars().all(sound) {
        "the token has a character that does not belong into a header".to_owned()
    } else {
        return Some(MetricsSettings { token: Some(Secret::new(token.value.as_str().to_owned())) });
    };
    let help = "make one with `openssl rand -hex 32`, and give the same to the monitoring system";
    ledger.note(&token.place, message, help);
    None
}
