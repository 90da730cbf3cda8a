//! The URL of an HTTP source, and how visitors' values are bound to it.
//!
//! A value becomes exactly one path segment, or exactly one value in the query: everything but letters, digits and
//! `-_.~` is percent-encoded (RFC 3986, 2.3). Dots are letters to that rule but not to a path, so a segment that has
//! become `.` or `..`, also in part by the text around it, is refused, and so is one that has become empty.

use std::fmt::{self, Write as _};

use itertools::Itertools;
use url::{Host, Url};

use crate::domain::{Bindings, Placeholder, TemplateError, TextTemplate};
use crate::sources::QueryError;

/// A source's URL with its placeholders. Its text may hold a key, so it does not print itself.
#[derive(Clone)]
pub(in crate::sources) struct UrlTemplate {
    text: String,
    template: TextTemplate,
    /// The URL with a harmless word for every placeholder: its scheme, host and number of segments are those of every request.
    sample: Url,
}

/// A mistake in a URL, and its remedy. Neither repeats it: it may hold a secret.
#[derive(Debug)]
pub(super) struct InvalidUrl {
    /// What follows its name in a sentence: `is not a URL`.
    pub(super) message: String,
    pub(super) help: String,
}

impl fmt::Debug for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlTemplate({}…)", self.host())
    }
}

impl UrlTemplate {
    /// Parses the URL of a source as an admin wrote it.
    ///
    /// # Errors
    /// [`InvalidUrl`]: what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let error = |message: String, help: &str| InvalidUrl { message, help: help.to_owned() };
        let template: TextTemplate = text.parse().map_err(|fault: TemplateError| {
            let help = "a placeholder is an input's name in braces: `?city={city}`";
            error(format!("has a crooked placeholder: {fault}"), help)
        })?;
        let example = "write it like `https://stock.corp.example.com/api?city={city}`";
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(error("is not a URL".to_owned(), example));
        };
        let in_host = || {
            let help = "the admin alone decides which host is asked: put placeholders behind it, in the path or the query";
            error("has a placeholder in its scheme or host".to_owned(), help)
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if scheme.contains(['{', '}']) || authority.contains(['{', '}']) {
            return Err(in_host());
        }
        let filled = |word: &str| {
            let values = template.placeholders().map(|placeholder| (placeholder.key.clone(), word.to_owned())).collect();
            let filled = template.fill(&values, percent_encode);
            Url::parse(&filled).map_err(|fault| error(format!("is not a URL: {fault}"), example))
        };
        let (sample, other) = (filled("a")?, filled("b")?);
        if authority.contains('@') || !sample.username().is_empty() || sample.password().is_some() {
            let help = "send it as a header: `headers = { Authorization = { file = \"…\" } }`";
            return Err(error("has a user or password in it".to_owned(), help));
        }
        if !matches!(sample.scheme(), "http" | "https") || !sample.has_host() {
            return Err(error("does not begin with https:// or http://".to_owned(), example));
        }
        if sample.origin() != other.origin() {
            return Err(in_host());
        }
        Ok(Self { text: text.to_owned(), template, sample })
    }

    /// The template of a path, and perhaps a query string, below this one, as the author of a page wrote it: `/jobs?state={state}`.
    ///
    /// # Errors
    /// Why it is none, or would lead out of it.
    pub(in crate::sources) fn below(&self, path: &str) -> Result<Self, QueryError> {
        let error = |message: &str| QueryError(format!("the path `{path}` {message}"));
        if path.contains(['#', '\\', ' ', '\n', '\t']) {
            return Err(error("has a character that cannot stand in a path: write it as `%20` and the like"));
        }
        let (own, own_query) = path.split_once('?').map_or((path, None), |(own, query)| (own, Some(query)));
        let lower = own.to_ascii_lowercase().replace("%2e", ".");
        if lower.split('/').any(|segment| segment == "." || segment == "..") || lower.contains("%2f") || lower.contains("%5c") {
            return Err(error("leads elsewhere: write it from the source's url on, without `..` and encoded slashes"));
        }
        let base = self.text.split('#').next().unwrap_or_default();
        let (base, query) = base.split_once('?').map_or((base, None), |(base, query)| (base, Some(query)));
        let query = [query, own_query].into_iter().flatten().join("&");
        let separator = if query.is_empty() { "" } else { "?" };
        let text = format!("{}{own}{separator}{query}", base.trim_end_matches('/'));
        Self::parse(&text).map_err(|invalid| error(&invalid.message))
    }

    /// The placeholders, each once.
    pub(in crate::sources) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.template.placeholders().unique()
    }

    /// The host, and the port where it is not the scheme's own: `stock.corp`, `stock.corp:8443`.
    pub(in crate::sources) fn host(&self) -> String {
        host_of(&self.sample)
    }

    /// The host alone.
    pub(super) fn host_name(&self) -> Option<Host<&str>> {
        self.sample.host()
    }

    /// Whether its scheme is `https`.
    pub(super) fn is_tls(&self) -> bool {
        self.sample.scheme() == "https"
    }

    /// Whether it leads to this machine, so that nothing crosses a network.
    pub(super) fn is_loopback(&self) -> bool {
        match self.sample.host() {
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        }
    }

    /// Whether `url` has the same scheme, host and port.
    pub(super) fn has_same_origin(&self, url: &Url) -> bool {
        self.sample.origin() == url.origin()
    }

    /// The URL with these values bound.
    ///
    /// # Errors
    /// Which value cannot be part of a URL.
    pub(in crate::sources) fn bind(&self, bindings: &Bindings) -> Result<Url, QueryError> {
        if let Some(placeholder) = self.template.placeholders().find(|placeholder| placeholder.value(bindings).is_none()) {
            return Err(QueryError::no_value(placeholder));
        }
        let filled = self.template.fill(bindings, percent_encode);
        let segments = path_of(&filled).split('/').map(|segment| segment.to_ascii_lowercase().replace("%2e", "."));
        if segments.into_iter().any(|segment| segment == "." || segment == "..") {
            return Err(QueryError("a chosen value would be '.' or '..' in the path of the url; that is no value".to_owned()));
        }
        let url = Url::parse(&filled).map_err(|error| QueryError(format!("the url cannot be read: {error}")))?;
        if !self.has_same_origin(&url) || empty_segments(&url) != empty_segments(&self.sample) {
            return Err(QueryError("a chosen value is empty, and would change the path of the url".to_owned()));
        }
        Ok(url)
    }
}

/// The host of `url`, and the port where it is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The path of a URL, between the host and the query.
fn path_of(filled: &str) -> &str {
    let end = filled.find(['?', '#']).unwrap_or(filled.len());
    let begin = filled.find("://").map_or(0, |at| at + 3);
    filled.get(begin..end).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path)
}

fn empty_segments(url: &Url) -> usize {
    url.path_segments().map_or(0, |segments| segments.filter(|segment| segment.is_empty()).count())
}

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
fn percent_encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bound(template: &str, value: &str) -> Result<String, String> {
        let address = UrlTemplate::parse(template).map_err(|invalid| invalid.message)?;
        address.bind(&[("x".to_owned(), value.to_owned())].into()).map(String::from).map_err(|error| error.0)
    }

    #[test]
    fn a_value_is_one_segment_or_one_query_value_whatever_is_in_it() {
        let in_path = |value| bound("https://stock.corp/items/{x}/price?k=v", value).unwrap();
        assert_eq!(in_path("a/../b"), "https://stock.corp/items/a%2F..%2Fb/price?k=v");
        assert_eq!(in_path("%2f"), "https://stock.corp/items/%252f/price?k=v");
        assert_eq!(in_path("?a#b\\c"), "https://stock.corp/items/%3Fa%23b%5Cc/price?k=v");
        assert_eq!(in_path("Zürich HB"), "https://stock.corp/items/Z%C3%BCrich%20HB/price?k=v");
        assert_eq!(in_path("a\r\nHost: b"), "https://stock.corp/items/a%0D%0AHost%3A%20b/price?k=v");
        assert_eq!(in_path("@evil.example:1"), "https://stock.corp/items/%40evil.example%3A1/price?k=v");
        let in_query = |value| bound("https://stock.corp/?q={x}&key=1", value).unwrap();
        assert_eq!(in_query("a&key=2#z+y"), "https://stock.corp/?q=a%26key%3D2%23z%2By&key=1");
        assert_eq!(in_query(".."), "https://stock.corp/?q=..&key=1");
        assert_eq!(in_query(""), "https://stock.corp/?q=&key=1");
    }

    #[test]
    fn a_value_cannot_climb_or_vanish_in_the_path() {
        for template in ["http://h/a/{x}", "http://h/{x}/b", "http://h/a/{x}?q"] {
            for value in [".", "..", ""] {
                assert!(bound(template, value).is_err(), "{template} {value:?}");
            }
        }
        assert!(bound("http://h/.{x}/b", ".").is_err());
        assert!(bound("http://h/%2e{x}/b", ".").is_err());
        assert_eq!(bound("http://h/v1.{x}/b", ".").unwrap(), "http://h/v1../b");
        assert_eq!(bound("http://h/a/{x}/", "...").unwrap(), "http://h/a/.../");
    }

    #[test]
    fn a_value_that_is_missing_is_told() {
        let address = UrlTemplate::parse("http://h/{city.zone}").unwrap();
        assert_eq!(address.bind(&Bindings::new()).unwrap_err().0, "{city.zone} has no value");
        assert_eq!(address.placeholders().map(|placeholder| &placeholder.key).collect_vec(), ["city.zone"]);
    }

    #[test]
    fn an_address_must_say_where_it_goes_by_itself() {
        let error = |template: &str| UrlTemplate::parse(template).unwrap_err();
        for elsewhere in ["https://{x}.corp/", "https://stock.corp:{x}/", "{x}://a/", "https:///{x}/", "https://a\\\\{x}/"] {
            assert_eq!(error(elsewhere).message, "has a placeholder in its scheme or host", "{elsewhere}");
        }
        assert!(error("file:///etc/passwd").message.contains("does not begin with https:// or http://"));
        assert!(error("mailto:stock@corp").message.contains("is not a URL"));
        for secret in ["https://me:hunter2@stock.corp/", "https:///me:hunter2@stock.corp/", "https://hunter2@stock.corp"] {
            let InvalidUrl { message, help } = error(secret);
            assert!(message.contains("a user or password") && help.contains("as a header"), "{secret}");
            assert!(!message.contains("hunter2") && !help.contains("hunter2"));
        }
    }

    #[test]
    fn a_path_below_stays_below() {
        let base = UrlTemplate::parse("https://ci.corp/api/{team}/?key=1").unwrap();
        let below = |path: &str| {
            let values = [("team".to_owned(), "a/b".to_owned()), ("x".to_owned(), "../c?d".to_owned())].into();
            base.below(path).and_then(|template| template.bind(&values)).map(String::from).map_err(|error| error.0)
        };
        assert_eq!(below("/jobs").unwrap(), "https://ci.corp/api/a%2Fb/jobs?key=1");
        assert_eq!(below("/jobs/{x}?s={x}").unwrap(), "https://ci.corp/api/a%2Fb/jobs/..%2Fc%3Fd?key=1&s=..%2Fc%3Fd");
        assert_eq!(below("//evil.example/@x:1").unwrap(), "https://ci.corp/api/a%2Fb//evil.example/@x:1?key=1");
        let root = UrlTemplate::parse("https://ci.corp").unwrap();
        assert_eq!(root.below("//evil.example/").unwrap().host(), "ci.corp");
        assert!(
            root.below("/@evil.example/").unwrap().bind(&Bindings::new()).unwrap().as_str().starts_with("https://ci.corp/@")
        );
        for elsewhere in
            ["/../admin", "/a/%2e%2E/b", "/a/.%2e", "/a%2f..%2fb", "/a%5C..", "/a\\..\\b", "/a#b", "/a b", "/{x", "/./a"]
        {
            assert!(below(elsewhere).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn the_port_is_named_only_when_it_is_not_the_usual_one() {
        let host = |template: &str| UrlTemplate::parse(template).unwrap().host();
        assert_eq!(host("https://stock.corp/x"), "stock.corp");
        assert_eq!(host("https://stock.corp:8443/x"), "stock.corp:8443");
        assert_eq!(host("http://[::1]:80/x"), "[::1]");
    }
}
