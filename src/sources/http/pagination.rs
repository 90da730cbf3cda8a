use std::str::FromStr;

use reqwest::header::{HeaderMap, LINK};
use serde_json::Value;
use url::Url;

use crate::sources::SourceError;
use crate::sources::http_client::{HttpClient, HttpRequest, HttpResponse};

/// How an answer in several pages is read: by `Link: rel="next"` (RFC 8288), or by a cursor in each page that is sent back for the next.
#[derive(Clone, Debug)]
pub(super) struct Pagination {
    /// The most pages; with one, no other is asked for.
    pub(super) max_pages: usize,
    /// The place of the cursor in a page, and the parameter of the URL by which it is sent.
    pub(super) cursor: Option<(JsonPointer, String)>,
}

/// A place in a JSON document (RFC 6901): `/meta/next`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonPointer(String);

/// The error of a text that is no such place. No full stop.
#[derive(Debug, thiserror::Error)]
#[error("it begins with `/`, and names the keys on the way: `/meta/next`")]
pub(super) struct InvalidPointer;

impl FromStr for JsonPointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, InvalidPointer> {
        if text.starts_with('/') { Ok(Self(text.to_owned())) } else { Err(InvalidPointer) }
    }
}

impl Pagination {
    /// Whether there may be several pages.
    pub(super) fn is_used(&self) -> bool {
        self.max_pages > 1
    }

    /// Asks for all pages, and makes a JSON array of them.
    ///
    /// # Errors
    /// The client's, and [`SourceError::TooLarge`] when there are more pages than allowed, or more bytes in all.
    pub(super) async fn fetch(&self, client: &HttpClient, first: Url) -> Result<Vec<u8>, SourceError> {
        let host = client.url_template().host();
        let (mut pages, mut next) = (vec![b'['], Some(first));
        let mut count = 0;
        while let Some(url) = next {
            if count == self.max_pages {
                let message = format!("{host} has more than {count} pages; raise max_pages of the source, or ask for less");
                return Err(SourceError::TooLarge(message));
            }
            let response = client.send(HttpRequest::get(url.clone())).await?;
            if pages.len() + response.body.len() > client.max_bytes() {
                let max_bytes = client.max_bytes();
                let message = format!(
                    "the pages of {host} have more than the {max_bytes} bytes allowed; raise max_bytes of the source, or ask for less"
                );
                return Err(SourceError::TooLarge(message));
            }
            if count > 0 {
                pages.push(b',');
            }
            pages.extend_from_slice(&response.body);
            count += 1;
            next = self.next(&url, &response);
        }
        pages.push(b']');
        Ok(pages)
    }

    /// The address of the page behind the one at `url`, if there is one.
    fn next(&self, url: &Url, response: &HttpResponse) -> Option<Url> {
        let Some((pointer, parameter)) = &self.cursor else { return next_link(url, &response.headers) };
        let page: Value = serde_json::from_slice(&response.body).ok()?;
        let cursor = match page.pointer(&pointer.0)? {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let mut next = url.clone();
        let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != parameter).collect();
        next.query_pairs_mut().clear().extend_pairs(others).append_pair(parameter, &cursor);
        Some(next)
    }
}

/// The target of the link whose relation is `next`.
fn next_link(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let target = links.flat_map(|value| value.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
            let relations = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.into_iter().any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        is_next.then(|| target.to_owned())
    })?;
    url.join(&target).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let url = Url::parse("https://ci.corp/jobs?page=1").unwrap();
        let next = |value: &'static str| next_link(&url, &HeaderMap::from_iter([(LINK, HeaderValue::from_static(value))]));
        let two = Some(Url::parse("https://ci.corp/jobs?page=2").unwrap());
        for value in [
            "<https://ci.corp/jobs?page=2>; rel=\"next\"",
            "<https://ci.corp/jobs?page=9>; rel=last, </jobs?page=2>; title=x; rel=next",
            "<?page=2>;REL=\"nofollow Next\"",
        ] {
            assert_eq!(next(value), two, "{value}");
        }
        for value in ["<https://ci.corp/jobs?page=2>; rel=\"prev\"", "https://ci.corp/; rel=next", "<a", ""] {
            assert_eq!(next(value), None, "{value}");
        }
    }
}
