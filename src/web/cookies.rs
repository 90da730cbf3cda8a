use std::convert::Infallible;

use rocket::http::{Cookie, CookieJar, SameSite};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::time::Duration;

use crate::auth::{DeviceCookie, PendingToken, PreSessionToken};
use crate::sessions::SessionToken;

use super::{AppState, Transport, links};

/// The lifetime of the theme cookie.
const THEME_MAX_AGE: Duration = Duration::days(400);

/// The lifetime of the device cookie: as long as the throttle accepts it.
const DEVICE_MAX_AGE: Duration = Duration::days(30);

/// The lifetime of the cookie that forms are bound to before a session. A form opened longer ago must be opened again.
const FORM_MAX_AGE: Duration = Duration::hours(12);

/// The lifetime of the cookie of a pending sign-in: a little longer than the server keeps one.
const PENDING_MAX_AGE: Duration = Duration::minutes(10);

/// The names of the cookies. Over HTTPS the session's name carries `__Host-`, with which browsers refuse it from
/// anywhere but this very host (RFC 6265bis, 4.1.3.2).
impl Transport {
    /// The name of the session's cookie.
    pub fn session_cookie(&self) -> &'static str {
        if self.secure { "__Host-belvedere" } else { "belvedere" }
    }

    fn device_cookie(&self) -> &'static str {
        if self.secure { "__Host-belvedere-device" } else { "belvedere-device" }
    }

    fn pending_cookie(&self) -> &'static str {
        if self.secure { "__Host-belvedere-factor" } else { "belvedere-factor" }
    }

    fn form_cookie(&self) -> &'static str {
        if self.secure { "__Host-belvedere-form" } else { "belvedere-form" }
    }
}

/// Reads and writes the cookies.
#[derive(Clone, Copy)]
pub(super) struct Cookies<'r> {
    jar: &'r CookieJar<'r>,
    transport: &'r Transport,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Cookies<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}

impl<'r> Cookies<'r> {
    pub(super) fn of(request: &'r Request<'_>) -> Self {
        Self { jar: request.cookies(), transport: &AppState::of(request).transport }
    }

    /// The session's token, if the browser sent something of its shape.
    pub(super) fn session(&self) -> Option<SessionToken> {
        self.jar.get(self.transport.session_cookie())?.value().parse().ok()
    }

    pub(super) fn set_session(&self, token: &SessionToken, max_age: std::time::Duration) {
        let max_age = Duration::try_from(max_age).unwrap_or(Duration::MAX);
        self.add(self.transport.session_cookie(), token.reveal().to_string(), Some(max_age));
    }

    pub(super) fn remove_session(&self) {
        self.remove(self.transport.session_cookie());
    }

    /// The device cookie's value, unchecked: it tells that somebody signed in from this browser before.
    pub(super) fn device(&self) -> Option<&'r str> {
        self.jar.get(self.transport.device_cookie()).map(Cookie::value)
    }

    /// Sets the device cookie. It outlives the session: whoever signs out comes back.
    pub(super) fn set_device(&self, mark: &DeviceCookie) {
        self.add(self.transport.device_cookie(), mark.reveal(), Some(DEVICE_MAX_AGE));
    }

    /// The token of a sign-in that waits for its second factor.
    pub(super) fn pending(&self) -> Option<PendingToken> {
        self.jar.get(self.transport.pending_cookie())?.value().parse().ok()
    }

    pub(super) fn set_pending(&self, token: &PendingToken) {
        self.add(self.transport.pending_cookie(), token.reveal().to_string(), Some(PENDING_MAX_AGE));
    }

    pub(super) fn remove_pending(&self) {
        self.remove(self.transport.pending_cookie());
    }

    /// The random token that forms are bound to before there is a session.
    pub(super) fn pre_session(&self) -> Option<PreSessionToken> {
        self.jar.get(self.transport.form_cookie())?.value().parse().ok()
    }

    pub(super) fn set_pre_session(&self, token: &PreSessionToken) {
        self.add(self.transport.form_cookie(), token.reveal().to_string(), Some(FORM_MAX_AGE));
    }

    /// The theme: `light`, `dark` or `system`.
    pub(super) fn theme(&self) -> &'static str {
        match self.jar.get("theme").map(Cookie::value) {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "system",
        }
    }

    pub(super) fn set_theme(&self, theme: &'static str) {
        self.add("theme", theme.to_owned(), Some(THEME_MAX_AGE));
    }

    fn add(&self, name: &'static str, value: String, max_age: Option<Duration>) {
        self.jar.add(self.build(name, value, max_age));
    }

    fn remove(&self, name: &'static str) {
        self.jar.remove(self.build(name, String::new(), None));
    }

    fn build(&self, name: &'static str, value: String, max_age: Option<Duration>) -> Cookie<'static> {
        let cookie = Cookie::build((name, value))
            .path(links::BASE)
            .http_only(true)
            .secure(self.transport.secure)
            .same_site(SameSite::Lax);
        match max_age {
            Some(max_age) => cookie.max_age(max_age).build(),
            None => cookie.build(),
        }
    }
}
