use super::super::reader::Fields;
use super::super::secret::Secret;
use super::super::setting::{secret, settings};

/// The least length of the token, which must be beyond guessing, as `/metrics` has no throttle: monitoring asks often.
/// This many characters of base64 are 144 bits, of hexadecimal 96.
const MIN_TOKEN_CHARS: usize = 24;

settings! {
    /// The program's metrics.
    #[derive(Clone, Debug)]
    pub struct MetricsSettings, settled by MetricsSettings::settle {
        /// The token for `/metrics`. At least 24 characters; `openssl rand -hex 32` generates one. Without it only
        /// administrators can read the metrics.
        pub token: Option<Secret> = secret("token_file", "A file with the token.", "\"/etc/belvedere/metrics-token\""),
    }
}

impl MetricsSettings {
    /// Checks that the token can be sent and not be guessed.
    fn settle(self, fields: &Fields<'_>) -> Self {
        let Some(token) = self.token.as_ref().map(Secret::expose) else { return self };
        let characters = token.chars().count();
        // What RFC 6750, 2.1 allows in a header, so that every client can send it.
        let valid = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        let message = if characters < MIN_TOKEN_CHARS {
            format!("the token has {characters} characters, and fewer than {MIN_TOKEN_CHARS} might be guessed")
        } else if !token.chars().all(valid) {
            "the token has a character that does not belong into a header".to_owned()
        } else {
            return self;
        };
        let help = "make one with `openssl rand -hex 32`, and give the same to the monitoring system";
        let location = fields.value_location("token").or_else(|| fields.value_location("token_file"));
        fields.sink.report(&location.unwrap_or_else(|| fields.location.clone()), message, help);
        self
    }
}
