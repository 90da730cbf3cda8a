use std::fmt::Write as _;

use rocket::http::RawStr;

/// The spelling of a request's path. Rocket takes `//p/x`, `/%70/x` and `/p/x/` for `/p/x`; a proxy in front, or a rule of
/// ours that looks at the beginning of a path, may not. So each path has one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathSpelling {
    /// The one.
    Canonical,
    /// Another, and the one.
    Other(String),
    /// A path with segments that lead elsewhere, or nowhere: `..`, an encoded slash, a control character.
    Invalid,
}

impl PathSpelling {
    /// Judges a path as it stands in the request.
    pub(super) fn of(path: &str) -> Self {
        let mut canonical = String::with_capacity(path.len());
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let Ok(decoded) = RawStr::new(segment).percent_decode() else { return Self::Invalid };
            if decoded == "." || decoded == ".." || decoded.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
                return Self::Invalid;
            }
            canonical.push('/');
            encode_into(&mut canonical, &decoded);
        }
        if canonical.is_empty() {
            canonical.push('/');
        }
        if canonical == path { Self::Canonical } else { Self::Other(canonical) }
    }
}

/// Appends a segment of a path, in which all is encoded that has to be (RFC 3986, 3.3: `pchar`).
fn encode_into(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for path in ["/", "/p/this-machine", "/a%20b", "/%C3%A9", "/p/a,b;c=d@e:f", "/static/js/main.js"] {
            assert_eq!(PathSpelling::of(path), PathSpelling::Canonical, "{path}");
        }
        for (path, canonical) in [
            ("//", "/"),
            ("//p/x", "/p/x"),
            ("/p//x", "/p/x"),
            ("/p/x/", "/p/x"),
            ("/%61dmin/", "/admin"),
            ("/%70/x", "/p/x"),
            ("/a%2cb", "/a,b"),
            ("/%c3%a9", "/%C3%A9"),
            ("/p/100%", "/p/100%25"),
            ("//evil.example/x", "/evil.example/x"),
            ("", "/"),
        ] {
            assert_eq!(PathSpelling::of(path), PathSpelling::Other(canonical.to_owned()), "{path}");
        }
    }

    #[test]
    fn a_path_that_climbs_or_hides_a_slash_leads_nowhere() {
        for path in [
            "/..",
            "/p/../admin",
            "/./p",
            "/%2e%2e/x",
            "/.%2E",
            "/p%2fx",
            "/p/%2F",
            "/p%5cx",
            "/\\evil.example",
            "/%00",
            "/%0a",
            "/%ff",
        ] {
            assert_eq!(PathSpelling::of(path), PathSpelling::Invalid, "{path}");
        }
    }
}
