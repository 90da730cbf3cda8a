use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rocket::http::{Accept, MediaType, Status};
use rocket::request::{Outcome, Request};
use rocket::response::{self, Responder};

use super::links::Link;
use crate::auth::{NextPath, Rejection};
use crate::factors::PasskeyRefusal;
use crate::live::CapacityExceeded;
use crate::pages::{InvalidChoice, PageDenied};
use crate::store::StoreError;

/// The delay before another try: what is not reachable may be back by then.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The delay before another try where as many try as can: each place is free again within a second.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The cause of a server error: for the log, which has it under the reference that the visitor sees.
type Cause = String;

/// Every error that a request can end with. The one place where errors become what is answered: what a visitor sees says
/// what to do next, what the log keeps says why.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The visitor may not open the page.
    PageDenied(PageDenied),
    /// The member cannot be confirmed until the directory answers again.
    Unconfirmed,
    /// The credentials in the `Authorization` header are not accepted.
    AuthorizationRejected(Rejection),
    /// The action is sensitive, and the member has not authenticated recently. With the page to return to.
    ReauthenticationRequired(NextPath),
    /// The request makes no sense, and why.
    BadRequest(String),
    /// The request names a host that is none of this server's.
    UnknownHost,
    /// The path is spelled otherwise.
    Moved(Link),
    /// A page of another site made the request.
    ForeignOrigin,
    /// The form's token is not this session's: it is out of date, or another site made the form.
    CsrfMismatch,
    /// The session store or the directory cannot be reached.
    StoreUnavailable(Cause),
    /// There is no room for another channel or viewer.
    CapacityExceeded(CapacityExceeded),
    /// As many passwords are verified as can be at once.
    Busy,
    /// It was done as often as it may be; how long until another time.
    RateLimited(Duration),
    /// The body has more bytes than this.
    TooLarge(usize),
    /// The path leads nowhere.
    NotFound,
    /// An error of the server.
    Internal(Cause),
    /// Rocket refused it before any handler saw it.
    Other(Status),
}

impl From<PageDenied> for Refusal {
    fn from(denied: PageDenied) -> Self {
        Self::PageDenied(denied)
    }
}

impl From<InvalidChoice> for Refusal {
    fn from(choice: InvalidChoice) -> Self {
        Self::BadRequest(choice.to_string())
    }
}

impl From<CapacityExceeded> for Refusal {
    fn from(exceeded: CapacityExceeded) -> Self {
        Self::CapacityExceeded(exceeded)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::StoreUnavailable(error.to_string())
    }
}

impl From<PasskeyRefusal> for Refusal {
    fn from(refusal: PasskeyRefusal) -> Self {
        match refusal {
            PasskeyRefusal::Store(error) => error.into(),
            PasskeyRefusal::TooMany => Self::BadRequest(refusal.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl Refusal {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::PageDenied(PageDenied::NotFound) | Self::NotFound => Status::NotFound,
            Self::PageDenied(PageDenied::SignInRequired) | Self::AuthorizationRejected(_) => Status::Unauthorized,
            Self::PageDenied(PageDenied::NotAllowed { .. } | PageDenied::SecondFactorRequired | PageDenied::OutOfScope)
            | Self::ForeignOrigin
            | Self::ReauthenticationRequired(_) => Status::Forbidden,
            Self::BadRequest(_) | Self::CsrfMismatch => Status::BadRequest,
            Self::Unconfirmed | Self::StoreUnavailable(_) | Self::CapacityExceeded(_) | Self::Busy => {
                Status::ServiceUnavailable
            }
            Self::UnknownHost => Status::MisdirectedRequest,
            Self::Moved(_) => Status::PermanentRedirect,
            Self::RateLimited(_) => Status::TooManyRequests,
            Self::TooLarge(_) => Status::PayloadTooLarge,
            Self::Internal(_) => Status::InternalServerError,
            Self::Other(status) => *status,
        }
    }

    /// Stores the refusal with the request for the catcher to find, since only a catcher may await.
    pub(super) fn stash(self, request: &Request<'_>) -> Status {
        let status = self.status();
        *stashed(request).lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
        status
    }

    /// The refusal that was stored with the request.
    pub(super) fn take_stashed(request: &Request<'_>) -> Option<Self> {
        stashed(request).lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The outcome of a guard that refuses: no status leaves a guard without its refusal.
    pub(super) fn into_outcome<T>(self, request: &Request<'_>) -> Outcome<T, ()> {
        Outcome::Error((self.stash(request), ()))
    }

    /// Whether the credentials are valid, but not for this.
    pub(super) fn is_out_of_scope(&self) -> bool {
        matches!(self, Self::PageDenied(PageDenied::OutOfScope))
    }

    /// The template of the error page: each offers its own ways on.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::PageDenied(PageDenied::NotAllowed { .. }) => "errors/forbidden",
            Self::PageDenied(PageDenied::NotFound) | Self::NotFound => "errors/not_found",
            Self::Unconfirmed | Self::StoreUnavailable(_) | Self::CapacityExceeded(_) | Self::Busy => "errors/unavailable",
            Self::Internal(_) => "errors/internal",
            Self::UnknownHost => "errors/misdirected",
            Self::PageDenied(PageDenied::SignInRequired | PageDenied::SecondFactorRequired | PageDenied::OutOfScope)
            | Self::AuthorizationRejected(_)
            | Self::BadRequest(_)
            | Self::Moved(_)
            | Self::ReauthenticationRequired(_)
            | Self::ForeignOrigin
            | Self::CsrfMismatch
            | Self::RateLimited(_)
            | Self::TooLarge(_)
            | Self::Other(_) => "errors/bad_request",
        }
    }

    /// The error code for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::PageDenied(PageDenied::NotFound) | Self::NotFound => "not-found",
            Self::PageDenied(PageDenied::SignInRequired) => "sign-in",
            Self::PageDenied(PageDenied::SecondFactorRequired) => "second-factor",
            Self::PageDenied(PageDenied::NotAllowed { .. }) => "not-allowed",
            Self::PageDenied(PageDenied::OutOfScope) => "out-of-scope",
            Self::AuthorizationRejected(rejected) => rejected.code,
            Self::BadRequest(_) | Self::CsrfMismatch => "bad-request",
            Self::UnknownHost => "unknown-host",
            Self::ForeignOrigin => "foreign-origin",
            Self::ReauthenticationRequired(_) => "prove-again",
            Self::Unconfirmed => "unconfirmed",
            Self::StoreUnavailable(_) | Self::CapacityExceeded(_) | Self::Busy => "unavailable",
            Self::RateLimited(_) => "rate-limited",
            Self::TooLarge(_) => "too-large",
            Self::Internal(_) => "internal",
            Self::Moved(_) | Self::Other(_) => "refused",
        }
    }

    /// The value of `Retry-After` (RFC 9110, 10.2.3).
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CapacityExceeded(exceeded) => Some(exceeded.retry_after()),
            Self::Busy => Some(BUSY_RETRY_AFTER),
            Self::RateLimited(wait) => Some(*wait),
            _ => (self.status() == Status::ServiceUnavailable).then_some(RETRY_AFTER),
        }
    }

    pub(super) fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::StoreUnavailable(cause) | Self::Internal(cause) => cause.into(),
            Self::CapacityExceeded(exceeded) => exceeded.to_string().into(),
            _ => self.status().reason_lossy().into(),
        }
    }

    /// The text for the visitor: the title, the message, and what to do next.
    pub(super) fn message(&self) -> (&'static str, String, String) {
        match self {
            Self::PageDenied(PageDenied::NotFound) | Self::NotFound => (
                "Nothing here",
                "There is no page at this address. It may have been renamed or removed.".to_owned(),
                "The pages you may open are in the bar.".to_owned(),
            ),
            Self::PageDenied(PageDenied::SignInRequired) => {
                ("Sign in first", "This is for people who have signed in.".to_owned(), "Sign in and try again.".to_owned())
            }
            Self::PageDenied(PageDenied::SecondFactorRequired) => (
                "One more step",
                "This takes a second factor beside your password. A script needs an API token, made in a session that \
                 has shown one."
                    .to_owned(),
                format!("Show your second factor at {}, and try again.", Link::to("login/factor")),
            ),
            // The page itself says whom to ask.
            Self::PageDenied(PageDenied::NotAllowed { .. }) => (
                "Not for this account",
                "You are signed in, but this page is not among those your account may open.".to_owned(),
                String::new(),
            ),
            Self::PageDenied(PageDenied::OutOfScope) => (
                "Not with this",
                "What you showed is good, but not for this.".to_owned(),
                "Use a token that was made for it, or sign in with the form.".to_owned(),
            ),
            Self::AuthorizationRejected(rejected) => (
                "Not let in",
                capitalize(&format!("{}.", rejected.message)),
                "Mend the Authorization header that was sent, or leave it out and sign in with the form.".to_owned(),
            ),
            Self::ReauthenticationRequired(_) => (
                "Confirm that it is you",
                "This asks for a proof within the last minutes that it is you, in a browser that is signed in.".to_owned(),
                "Sign in with a browser and try again there.".to_owned(),
            ),
            Self::BadRequest(why) => {
                ("That does not work", capitalize(&format!("{why}.")), "Go back and choose again.".to_owned())
            }
            Self::CsrfMismatch => (
                "That does not work",
                "The page that this came from is out of date; reload it.".to_owned(),
                "Then choose again.".to_owned(),
            ),
            Self::ForeignOrigin => (
                "From another site",
                "This request came from a page of another site, so it was not carried out.".to_owned(),
                "Open this site itself and try again there. If you did, tell whoever runs it: its log names the two \
                 addresses that do not fit, and the setting."
                    .to_owned(),
            ),
            Self::UnknownHost => (
                "Not known by this name",
                "This server was asked for by a name that is not its own, so it does not answer.".to_owned(),
                "Check the address. If it is right, tell whoever runs this site: its log names the setting.".to_owned(),
            ),
            Self::Moved(link) => ("Spelled otherwise", format!("This address is spelled {link}."), "Use that one.".to_owned()),
            Self::Unconfirmed => (
                "Not at the moment",
                "You are signed in, but the company directory does not answer, and without it nobody can say what you \
                 may see."
                    .to_owned(),
                "Try again in a minute.".to_owned(),
            ),
            Self::StoreUnavailable(_) | Self::CapacityExceeded(_) => (
                "Not at the moment",
                "The server cannot answer this right now. Nothing of yours is lost.".to_owned(),
                "Try again in a minute.".to_owned(),
            ),
            Self::Busy => (
                "Not at the moment",
                "More people are signing in than this server can check at once, so your password was not looked at.".to_owned(),
                "Go back and try again in a few seconds.".to_owned(),
            ),
            Self::RateLimited(_) => (
                "Too often",
                "This was done more often than it may be.".to_owned(),
                "Try again in a moment, and use what you have been given for as long as it lasts.".to_owned(),
            ),
            Self::TooLarge(max_bytes) => {
                ("Too large", format!("At most {max_bytes} bytes are taken here."), "Send less.".to_owned())
            }
            Self::Internal(_) => (
                "Our mistake",
                "Something went wrong on the server.".to_owned(),
                "Try again. If it stays so, tell whoever runs this site the reference below.".to_owned(),
            ),
            Self::Other(status) => (
                status.reason().unwrap_or("Refused"),
                "The server does not accept this request.".to_owned(),
                "Go back and try again.".to_owned(),
            ),
        }
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        Err(self.stash(request))
    }
}

/// Capitalizes a sentence.
pub(super) fn capitalize(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Whether a person reads the response: a browser says that it takes HTML, a script says anything or JSON.
pub(super) fn wants_html(request: &Request<'_>) -> bool {
    let scripts_only =
        ["api/", "live/", "events/"].iter().any(|path| request.uri().path().starts_with(Link::to(path).as_str()));
    let takes_html = |accept: &Accept| accept.iter().any(|quality| *quality.media_type() == MediaType::HTML);
    !scripts_only && request.accept().is_some_and(takes_html)
}

fn stashed<'r>(request: &'r Request<'_>) -> &'r Mutex<Option<Refusal>> {
    request.local_cache(|| Mutex::new(None))
}
