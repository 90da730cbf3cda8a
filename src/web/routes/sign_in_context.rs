use std::time::Duration;

use rocket::Either;
use rocket::form::{FromFormField, ValueField};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use zeroize::Zeroizing;

use crate::auth::{Auth, CsrfBinding, NextPath, PreSessionToken, SignInRefusal, SignedIn};
use crate::config::{SessionSettings, SiteSettings};
use crate::directory::{Directories, NameHints, PasswordFate, Unreachable};
use crate::domain::{Client, PageSlug, Timestamp};
use crate::pages::PageStore;
use crate::sessions::SessionToken;
use crate::web::AppState;
use crate::web::cookies::Cookies;
use crate::web::guards::{Passkeys, client_of};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, PasswordView, SignInView, Tone, humanize, humanize_wait, moment};

/// A password as it came in a form. It wipes itself, wherever the form goes; what Rocket read it from lives as long as
/// the request and is out of our hands.
pub(super) struct PasswordField(pub(super) Zeroizing<String>);

impl<'v> FromFormField<'v> for PasswordField {
    fn from_value(field: ValueField<'v>) -> rocket::form::Result<'v, Self> {
        Ok(Self(Zeroizing::new(field.value.to_owned())))
    }

    fn default() -> Option<Self> {
        Some(Self(Zeroizing::default()))
    }
}

/// A redirect, or one of the two forms for signing in.
pub(super) type SignInResponse = Either<Redirect, Either<Html<SignInView>, Html<PasswordView>>>;

/// The context of the handlers for signing in, passwords and second factors.
pub(super) struct SignInContext<'r> {
    pub(super) cookies: Cookies<'r>,
    pub(super) auth: &'r Auth,
    page_store: &'r PageStore,
    directories: &'r Directories,
    pub(super) site: &'r SiteSettings,
    /// The client that asks.
    pub(super) client: Client,
    /// How long sessions last.
    pub(super) sessions: &'r SessionSettings,
    /// Whether a passkey alone signs somebody in here.
    passwordless: bool,
    /// Whether local accounts can sign in with their mail addresses.
    has_local_mail: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SignInContext<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let AppState { auth, page_store, directories, settings, .. } = AppState::of(request);
        Outcome::Success(Self {
            cookies: Cookies::of(request),
            auth,
            page_store,
            directories,
            site: &settings.site,
            client: client_of(request),
            sessions: &settings.sessions,
            passwordless: Passkeys::of(request).passwordless,
            has_local_mail: !settings.accounts.mail_domains.is_empty(),
        })
    }
}

impl SignInContext<'_> {
    /// The CSRF token for a form before the session.
    pub(super) fn pre_session_csrf_token(&self) -> Result<String, Refusal> {
        Ok(self.auth.keys().csrf_token(CsrfBinding::PreSession(&self.pre_session_token()?)).as_str().to_owned())
    }

    /// The sign-in form.
    pub(super) fn sign_in_form(
        &self,
        layout: Layout,
        next: &NextPath,
        username: &str,
        notice: Option<Notice>,
    ) -> Result<Html<SignInView>, Refusal> {
        let NameHints { examples, takes_mail_address } = self.directories.name_hints();
        let view = SignInView {
            page_title: self.target_page_title(next),
            notice,
            username: username.to_owned(),
            name_examples: examples,
            takes_mail_address: takes_mail_address || self.has_local_mail,
            next: next.to_string(),
            csrf: self.pre_session_csrf_token()?,
            passwordless: self.passwordless,
            stay_signed_in: self.sessions.stay.map(humanize),
        };
        Ok(Html::new("auth/sign_in", "Sign in", layout, view))
    }

    /// The sign-in form once more, after one whose CSRF token was out of date.
    pub(super) fn sign_in_form_again(
        &self,
        layout: Layout,
        next: &NextPath,
        username: &str,
    ) -> Result<Html<SignInView>, Refusal> {
        let text = "This form was open for a long time, or this browser keeps no cookies. Please sign in again.";
        let notice = Notice { tone: Tone::Info, text: text.to_owned() };
        Ok(self.sign_in_form(layout, next, username, Some(notice))?.with_status(Status::BadRequest))
    }

    /// Sets the cookie of a session.
    pub(super) fn set_session_cookie(&self, token: &SessionToken) {
        self.cookies.set_session(token, self.sessions.longest());
    }

    /// Sets the cookies of somebody who has just signed in.
    pub(super) fn set_cookies(&self, signed_in: &SignedIn) {
        self.set_session_cookie(&signed_in.token);
        self.cookies.set_device(&signed_in.device_cookie);
    }

    /// The token that this browser's forms are bound to before a session; set as a cookie with the first form.
    fn pre_session_token(&self) -> Result<PreSessionToken, Refusal> {
        if let Some(token) = self.cookies.pre_session() {
            return Ok(token);
        }
        let token = PreSessionToken::generate().map_err(|error| Refusal::Internal(error.to_string()))?;
        self.cookies.set_pre_session(&token);
        Ok(token)
    }

    /// The title of the page that they came for.
    fn target_page_title(&self, next: &NextPath) -> Option<String> {
        let slug: PageSlug = next.as_str().strip_prefix(Link::to("p/").as_str())?.split('?').next()?.parse().ok()?;
        self.page_store.title_for_sign_in(&slug)
    }

    /// A sentence that says whom to ask.
    pub(super) fn contact_advice(&self) -> String {
        match &self.site.contact {
            Some(contact) => format!("Ask {contact}."),
            None => "Ask your IT department.".to_owned(),
        }
    }

    /// The notice about a refusal, for the person who typed: what helps them, and nothing that helps a stranger.
    pub(super) fn error_notice(&self, refusal: &SignInRefusal) -> Result<(Status, Notice), Refusal> {
        let ask = self.contact_advice();
        let (status, tone, text) = match refusal {
            // It is also said of a right password that is not tried.
            SignInRefusal::WrongCredentials => (
                Status::Unauthorized,
                Tone::Warn,
                "That name and password did not match. Use the name and password that open your computer. After several \
                 wrong tries a name has to wait, and not even the right password is tried."
                    .to_owned(),
            ),
            SignInRefusal::Throttled { retry_after, until } => {
                (Status::TooManyRequests, Tone::Warn, throttled_text(*retry_after, *until))
            }
            SignInRefusal::NotAtThisHour => {
                (Status::Forbidden, Tone::Warn, format!("Your account may not sign in at this hour. {ask}"))
            }
            SignInRefusal::NotFromHere => {
                (Status::Forbidden, Tone::Warn, format!("Your account may not sign in from this server. {ask}"))
            }
            SignInRefusal::Restricted => (
                Status::Forbidden,
                Tone::Warn,
                format!(
                    "Your account may sign in only in ways that this site does not offer, such as with a smart card. {ask}"
                ),
            ),
            SignInRefusal::TooManyGroups => (
                Status::Forbidden,
                Tone::Warn,
                format!("Your account is in more groups than the company directory can handle at a sign-in. {ask}"),
            ),
            SignInRefusal::PasswordExpired => (
                Status::Forbidden,
                Tone::Warn,
                "Your password has expired. Change it on your computer (Ctrl-Alt-Del on Windows), then sign in here."
                    .to_owned(),
            ),
            SignInRefusal::MustChangePassword => (
                Status::Forbidden,
                Tone::Warn,
                "Your password must be changed before you can sign in. Change it on your computer first (Ctrl-Alt-Del on \
                 Windows)."
                    .to_owned(),
            ),
            // Their pending sign-in is lost: the way here led past the second step.
            SignInRefusal::SecondFactorFirst(_) => {
                (Status::Unauthorized, Tone::Info, "Sign in, and show your second factor.".to_owned())
            }
            SignInRefusal::Disabled => (Status::Forbidden, Tone::Bad, format!("Your account is disabled. {ask}")),
            SignInRefusal::AccountExpired => (Status::Forbidden, Tone::Bad, format!("Your account has expired. {ask}")),
            SignInRefusal::DirectoryUnreachable(Unreachable { password: PasswordFate::Unanswered, .. }) => (
                Status::ServiceUnavailable,
                Tone::Bad,
                "The company directory did not answer in time, so you are not signed in. Your password may have been \
                 checked all the same: make sure it is right before you try again in a minute."
                    .to_owned(),
            ),
            SignInRefusal::DirectoryUnreachable(Unreachable { password: PasswordFate::Answered, .. }) => (
                Status::ServiceUnavailable,
                Tone::Bad,
                "The company directory answered, but could not finish your sign-in. This does not count as a wrong \
                 password. Try again in a minute."
                    .to_owned(),
            ),
            SignInRefusal::DirectoryUnreachable(unreachable) => (
                Status::ServiceUnavailable,
                Tone::Bad,
                format!(
                    "{}, so nobody can sign in. Your password was not checked. Try again in a minute.",
                    directory_trouble(unreachable)
                ),
            ),
            SignInRefusal::Busy => return Err(Refusal::Busy),
            SignInRefusal::Store(error) => return Err(Refusal::StoreUnavailable(error.to_string())),
        };
        Ok((status, Notice { tone, text }))
    }
}

/// The clause about a directory that could not be asked: whether it was silent, and no cause.
pub(super) fn directory_trouble(unreachable: &Unreachable) -> &'static str {
    match unreachable.result_code {
        Some(_) => "The company directory cannot do its work right now",
        None => "The company directory cannot be reached right now",
    }
}

/// The text about too many wrong tries: the same for every name, whether anybody has it or not.
pub(super) fn throttled_text(retry_after: Duration, until: Timestamp) -> String {
    format!(
        "There were too many wrong tries. You can try again in {}, at {}. Only this site waits: it has not locked the account.",
        humanize_wait(retry_after),
        moment(until, retry_after),
    )
}
