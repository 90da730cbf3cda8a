use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::config::{Fields, Located, Setting, SourceLocation, read_secret};

/// The value of `Authorization` that the credentials in the settings make: `user` with `password` (Basic, RFC 7617), or `token`
/// (Bearer, RFC 6750), each secret in a file as well.
pub(super) fn authorization() -> Setting<Option<HeaderValue>> {
    Setting::new(None, "none", "text", |fields, _| read_authorization(fields))
        .beside("password", "text", "The password of `user`.", "")
        .beside("password_file", "path", "A file with the password of `user`.", "")
        .beside("token", "text", "A token, sent as `Authorization: Bearer`.", "")
        .beside("token_file", "path", "A file with the token.", "")
}

#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_authorization(fields: &mut Fields<'_>) -> Option<Option<HeaderValue>> {
    let user = fields.optional("user", None, |fields, key| fields.located_string(key).map(Some));
    let password = read_secret(fields, "password", "password_file");
    let token = read_secret(fields, "token", "token_file");
    let report = |location: &SourceLocation, message: &str, help: &str| {
        fields.sink.report(location, message, help);
        None
    };
    let (value, location) = match (user?, password?, token?) {
        (None, None, None) => return Some(None),
        (None, None, Some(Located { value: token, location })) => (bearer(token.expose()), location),
        (Some(user), Some(password), None) if !user.value.contains(':') => {
            (basic(&user.value, password.value.expose()), user.location)
        }
        (Some(user), Some(_), None) => {
            return report(&user.location, "`user` has a colon in it", "with Basic authentication no user name can have one");
        }
        (Some(user), None, None) => {
            return report(&user.location, "`password` is missing beside `user`", "set `password` or `password_file`");
        }
        (None, Some(password), None) => {
            return report(
                &password.location,
                "`user` is missing beside the password",
                "say whose password it is: `user = \"belvedere\"`",
            );
        }
        (_, _, Some(token)) => {
            return report(
                &token.location,
                "there are a token and a user or password",
                "keep one of them: `token`, or `user` and `password`",
            );
        }
    };
    let Some(value) = sensitive(&value) else {
        return report(
            &location,
            "the token cannot be sent as a header",
            "write one line of ASCII, without control characters",
        );
    };
    Some(Some(value))
}

/// The value of `Authorization` with a token (RFC 6750).
pub(super) fn bearer(token: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("Bearer {token}"))
}

/// The value of `Authorization` with a name and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())))
}

/// A header's value that does not print itself; `None` when it cannot be sent.
pub(super) fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
