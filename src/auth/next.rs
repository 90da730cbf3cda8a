//! The redirect after signing in: people return to the page they came for, and never to another site.

use std::fmt;

/// The longest path with its query, in bytes: safe in every browser; inputs of a page fit many times.
const MAX_LEN: usize = 2048;

/// A path on this site, with its query string: `/p/operations?city=NYC`.
///
/// Rather than looking for every trick, it accepts only what an address of ours can look like. A path of ours is made
/// of names, so it needs no percent sign, no backslash and no empty or dotted segment; a query string is held to the
/// characters of RFC 3986, 3.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPath(String);

impl NextPath {
    /// Parses a path, or gives `None` when it is not surely one on this site. `text` is the value of `next`, decoded
    /// once, as a form or query string gives it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let (path, query) = text.split_once('?').map_or((text, ""), |(path, query)| (path, query));
        (is_path(path) && is_query(query)).then(|| Self(text.to_owned()))
    }

    /// Parses a path, or gives the home page where it is not surely one on this site.
    pub fn or_home(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(Self::home)
    }

    /// The home page, for when there is no page to return to.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The path and its query string, fit for a `Location` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NextPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this is `/`, or one or more segments with `/` before each; one `/` may stand at the end.
fn is_path(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else { return false };
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    // "//" leaves nothing between its slashes, like "/"; only the latter is a path.
    path == "/" || segments.split('/').all(is_segment)
}

/// Whether this is unreserved characters (RFC 3986, 2.3), and neither empty, `.` nor `..`.
fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.bytes().any(|b| b != b'.')
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// Whether this is `*( pchar / "/" / "?" )`, with every percent sign before two hexadecimal digits.
fn is_query(query: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&b);
    query.bytes().all(allowed)
        && query.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
