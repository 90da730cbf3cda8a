use std::fmt::{self, Display};

use rocket::http::uri::{self, Reference};
use serde::Serialize;

/// The path that the whole site is below.
pub(super) const BASE: &str = "/";

/// An address on this site. The one place that knows where the site's paths begin: handlers and views build their links
/// by it, templates by the function `link`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Link(String);

impl Link {
    /// The link to a path, which is written as it is in the table of routes, without a slash before it.
    pub(super) fn to(path: impl Display) -> Self {
        Self(format!("{BASE}{path}"))
    }

    /// The link to the home page.
    pub(super) fn home() -> Self {
        Self::to("")
    }

    /// The same link with a parameter more in its query string.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Display) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.extend([name, "="]);
        self.0.extend(url::form_urlencoded::byte_serialize(value.to_string().as_bytes()));
        self
    }

    /// The link to the sign-in form, with the way back to the page at `current_url`, unless that is a form itself.
    pub(super) fn sign_in(current_url: &str) -> Self {
        let form = Self::to("login");
        let forms = [form.as_str(), Self::to("logout").as_str()].map(|form| current_url.starts_with(form));
        if current_url == BASE || forms.contains(&true) { form } else { form.with("next", current_url) }
    }

    /// The link to the form for a second factor, with the way back to `next`.
    pub(super) fn second_step(next: impl Display) -> Self {
        Self::to("login/factor").with("next", next)
    }

    /// The link to the form for authenticating again, with the way back to `next`.
    pub(super) fn reauthenticate(next: impl Display) -> Self {
        Self::to("login/again").with("next", next)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path of this site, for the schemes, which know of no site.
pub fn site_path(path: &str) -> String {
    Link::to(path).0
}

/// For redirects.
impl TryFrom<Link> for Reference<'static> {
    type Error = uri::Error<'static>;

    fn try_from(link: Link) -> Result<Self, Self::Error> {
        Reference::parse_owned(link.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_begins_where_the_site_does_and_quotes_what_it_is_given() {
        assert_eq!(Link::home().as_str(), "/");
        assert_eq!(Link::sign_in("/p/board?city=NYC").as_str(), "/login?next=%2Fp%2Fboard%3Fcity%3DNYC");
        assert_eq!(Link::sign_in("/login?next=%2Fp%2Fboard").as_str(), "/login");
        assert_eq!(Link::to("admin/tokens").with("page", 2).with("q", "a&b").as_str(), "/admin/tokens?page=2&q=a%26b");
    }
}
