use std::fmt;

use super::{PageSlug, Timestamp};

/// The public handle of a session: it names one in logs and lists, and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(i64);

impl SessionId {
    /// The session with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The public handle of an API token, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(i64);

impl TokenId {
    /// The token with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// By what somebody has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The cookie of a session.
    Session(SessionId),
    /// A name and a password sent along: Basic (RFC 7617) or Digest (RFC 7616).
    Password,
    /// A personal API token.
    Token(TokenId),
    /// A signed token (JWT, RFC 7519), made from another proof.
    Signed {
        /// Its `jti`.
        id: String,
        /// Its `exp`: live connections that it opened end then.
        until: Timestamp,
        /// The API token it was made from, and ends with; `None` when it was made from a session or a password.
        token: Option<TokenId>,
    },
}

/// What somebody may do with what they proved it by. A session or a password may do all that its person may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that the person may.
    Whole,
    /// Of what the person may, this alone.
    Only(Granted),
}

/// What an API token was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// The pages it reads.
    pub read: Pages,
    /// The push endpoints it sends to, by name.
    pub push: Vec<String>,
}

/// Some of the pages, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pages {
    /// None.
    #[default]
    None,
    /// All that the person may open.
    All,
    /// Of those that the person may open, these alone.
    Only(Vec<PageSlug>),
}

impl Scope {
    /// Whether a page may be read with it, if its person may.
    pub fn reads(&self, page: &PageSlug) -> bool {
        match self {
            Self::Whole => true,
            Self::Only(granted) => match &granted.read {
                Pages::None => false,
                Pages::All => true,
                Pages::Only(pages) => pages.contains(page),
            },
        }
    }

    /// Whether anything but reading and pushing may be done with it: accounts, tokens, the admin's office.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_no_more_than_it_was_made_for() {
        let slug = |text: &str| text.parse::<PageSlug>().unwrap();
        let of = |read| Scope::Only(Granted { read, push: Vec::new() });
        let (ops, sales) = (slug("ops"), slug("sales"));
        assert!(Scope::Whole.reads(&ops) && of(Pages::All).reads(&ops));
        let some = of(Pages::Only(vec![ops.clone()]));
        assert!(some.reads(&ops) && !some.reads(&sales));
        assert!(!of(Pages::None).reads(&ops));
        assert!(Scope::Whole.is_whole() && !of(Pages::All).is_whole());
    }
}
