use async_trait::async_trait;

use super::Rejection;
use crate::domain::{Client, Member, Visitor};
use crate::store::{RowWatch, StoreError};

/// The realm of the challenges (RFC 9110, 11.5). It is part of what Digest stores, so it never changes.
pub(super) const REALM: &str = "Belvedere";

/// The longest `Authorization` header, in bytes: the longest name and password in base64 are 3 KB, the longest JWT 4 KB.
const MAX_HEADER_LEN: usize = 8 * 1024;

/// A way to prove with a request who one is: an HTTP authentication scheme (RFC 9110, 11), or the cookie of a session.
///
/// A scheme owns its word in the header, the parsing with its limits, the proof (through the throttle and the audit), the
/// challenge, and what ends the proof. It is one file in `schemes/`, and one line in the registry there.
///
/// Room is left for:
/// - Negotiate (RFC 4559), in several legs on a path of its own: [`AuthScheme::recognizes`] sees the path, and every leg but
///   the last ends with `Rejection::continue_with` the next challenge.
/// - A redirect to an identity provider: routes of its own send people there, and begin a session when they are back; the
///   requests after that carry the session's cookie.
/// - A trusted proxy's header, or a client certificate: a scheme sees all headers, and [`AuthRequest`] grows by what is known
///   of the connection.
/// - A paired screen: a cookie of its own, and a row of its own for [`AuthScheme::watch`].
#[async_trait]
pub trait AuthScheme: Send + Sync {
    /// Whether the request carries credentials of this scheme, valid or not. Costs no I/O: it is asked for every request.
    fn recognizes(&self, request: &dyn AuthRequest) -> bool;

    /// Verifies the credentials of a request that this scheme recognizes. Only a cookie that is nobody's makes an
    /// [`Visitor::Anonymous`]; other credentials are rejected when they are wrong.
    ///
    /// # Errors
    /// An [`AuthError`], as far as a visitor may know it.
    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError>;

    /// The challenge for a request without valid credentials (RFC 9110, 11.6.1), if any. A browser gets none that makes it
    /// open a window of its own, over a page that has a better way in.
    fn challenge(&self, _request: &dyn AuthRequest) -> Option<String> {
        None
    }

    /// Watches the stored row of this scheme that a member's credential rests on, if it does. What has no row ends at a time,
    /// which the credential itself tells.
    fn watch(&self, _member: &Member) -> Option<RowWatch> {
        None
    }
}

/// A request, as far as schemes read it.
pub trait AuthRequest: Sync {
    /// The method: `GET`.
    fn method(&self) -> &str;

    /// The path, as it was sent.
    fn path(&self) -> &str;

    /// The query, as it was sent, without its question mark.
    fn query(&self) -> Option<&str>;

    /// All values of a header, by its name in any case.
    fn headers(&self, name: &str) -> Vec<&str>;

    /// The value of a cookie.
    fn cookie(&self, name: &str) -> Option<&str>;

    /// The client that sent it.
    fn client(&self) -> Client;

    /// Whether a browser sent it, be it for a page or for a page's script.
    fn is_browser(&self) -> bool;

    /// Whether a browser sent it for a page or for what a page listens to: then it may carry a header that nobody asked for.
    fn is_of_page(&self) -> bool;
}

/// Why a request was not authenticated.
#[derive(Clone, Debug)]
pub enum AuthError {
    /// Its credentials are not accepted.
    Rejected(Rejection),
    /// The store or the directory cannot be asked, and why, for the log: this says nothing about the credentials.
    Unavailable(String),
}

impl From<Rejection> for AuthError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The value behind a scheme's `word` in the `Authorization` header (RFC 9110, 11.4). `None` when there is no such header, or
/// more than one, or it is too long or of another scheme. Empty when nothing stands behind the word: the scheme refuses it.
pub(super) fn credentials<'r>(request: &'r dyn AuthRequest, word: &str) -> Option<&'r str> {
    let [header] = request.headers("Authorization")[..] else { return None };
    let (sent, value) = split_scheme(header)?;
    // In any case (RFC 9110, 11.1).
    sent.eq_ignore_ascii_case(word).then_some(value)
}

/// The scheme's word in a header, and the value behind it, which may be empty. `None` when the header is too long, or does not
/// begin with a word: a token (RFC 9110, 5.6.2), whatever ends it.
pub(super) fn split_scheme(header: &str) -> Option<(&str, &str)> {
    let short = Some(header).filter(|header| header.len() <= MAX_HEADER_LEN)?.trim_matches([' ', '\t']);
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let (word, value) = short.split_at(short.find(|c| !is_of_word(c)).unwrap_or(short.len()));
    (!word.is_empty()).then(|| (word, value.trim_start_matches(' ')))
}
