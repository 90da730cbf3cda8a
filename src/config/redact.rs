//! Redaction of the secrets in a settings file, before any of its lines is shown.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys whose values are secrets wherever they stand.
const SECRET_KEYS: [&str; 4] = ["bind_password", "secret_key", "password", "token"];

/// Tables whose values are all secrets.
const SECRET_TABLES: [&str; 1] = ["headers"];

/// Overwrites every secret in `text` with `*`, byte for byte, so that locations in it stay the same.
pub(super) fn redact(text: &str) -> String {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut spans = Vec::new();
    find_in_table(&table.into_inner(), false, &mut spans);
    if !errors.is_empty() {
        // Where the syntax is broken the tree cannot be trusted to know where a value ends.
        find_in_lines(text, &mut spans);
    }
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        for byte in bytes.get_mut(span).unwrap_or_default() {
            if *byte != b'\n' && *byte != b'\r' {
                *byte = b'*';
            }
        }
    }
    // Spans lie on the borders of characters; if one ever did not, this still shows nothing that was redacted.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn find_in_table(table: &DeTable<'_>, secret: bool, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        find_in_value(value, secret || SECRET_KEYS.contains(&key) || SECRET_TABLES.contains(&key), spans);
    }
}

fn find_in_value(value: &Spanned<DeValue<'_>>, secret: bool, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => find_in_table(table, secret, spans),
        DeValue::Array(items) => items.iter().for_each(|item| find_in_value(item, secret, spans)),
        DeValue::String(text) if secret || has_userinfo(text) => spans.push(value.span()),
        _ if secret => spans.push(value.span()),
        _ => {}
    }
}

/// Whether `text` is a URL with userinfo (RFC 3986, 3.2.1): a name, and perhaps a password, before its host.
pub(crate) fn has_userinfo(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@'))
}

/// Finds secrets line by line, for broken syntax: what stands behind the `=` of a secret key, of a key in a secret
/// table, and any line with an `@` behind a `://`.
fn find_in_lines(text: &str, spans: &mut Vec<Range<usize>>) {
    let mut start = 0;
    let mut in_secret_table = false;
    for line in text.split_inclusive('\n') {
        let words = line.split('=').next().unwrap_or_default();
        if line.trim_start().starts_with('[') {
            in_secret_table = SECRET_TABLES.iter().any(|table| words.contains(table));
        }
        let secret = in_secret_table
            || SECRET_TABLES.iter().any(|table| words.contains(table))
            || SECRET_KEYS.iter().any(|key| line.contains(key))
            || line.contains("://") && line.contains('@');
        if secret {
            let behind = line.find('=').map_or(0, |equals| equals + 1);
            if !line.trim_start().starts_with('[') {
                spans.push(start + behind..start + line.len());
            }
        }
        start += line.len();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted_and_nothing_moves() {
        let text = "[default.directory]\nbind_name = \"svc\"\nbind_password = \"hünter2\" # mine\n\
                    [default.sources.a]\nurl = \"https://u:hunter3@h/\"\nheaders = { X = \"hunter4\", Y = { file = \"f\" } }\n";
        let redacted = redact(text);
        assert_eq!(redacted.len(), text.len());
        assert!(!redacted.contains("nter"), "{redacted}");
        assert!(redacted.contains("bind_name = \"svc\"\nbind_password = **********"), "{redacted}");
        assert!(redacted.contains("# mine"));
    }

    #[test]
    fn secrets_are_redacted_where_the_syntax_is_broken() {
        for text in [
            "[default.directory]\nbind_password = \"hunter2\nurl = 5\n",
            "[default.directory\nbind_password = hunter2\n",
            "x = [\n[default.sources.a.headers]\nX = \"hunter2\"\n",
            "x = [\nheaders = { X = \"hunter2\" }\n",
            "x = [\nurl = \"ldap://u:hunter2@h\"\n",
            "bind_password hunter2\n",
        ] {
            assert!(!redact(text).contains("hunter2"), "{}", redact(text));
        }
    }
}
