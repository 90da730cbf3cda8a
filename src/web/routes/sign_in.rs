use std::sync::Arc;
use std::time::Duration;

use rocket::form::{Form, FromForm, FromFormField, ValueField};
use rocket::http::Status;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use zeroize::Zeroizing;

use crate::audit::Event;
use crate::auth::{Auth, Holder, NextPath, SignInRefusal, StrangerToken};
use crate::config::SiteSettings;
use crate::directory::Unreachable;
use crate::domain::{Client, PageSlug, Visitor};
use crate::pages::Shelf;
use crate::web::Transport;
use crate::web::cookies::Cookies;
use crate::web::guards::{Asked, SameOrigin};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{Chrome, Said, SignInView, Tone, in_words};

/// What is missing is empty, and refused as such: with the form, not with an error.
#[derive(FromForm)]
pub(super) struct SignInForm {
    #[field(default = String::new())]
    username: String,
    password: TypedPassword,
    #[field(default = String::new())]
    next: String,
    #[field(default = String::new())]
    csrf: String,
}

/// A password as it came in the form. It wipes itself, wherever the form goes; what Rocket read it from lives as long
/// as the request and is out of our hands.
struct TypedPassword(Zeroizing<String>);

impl<'v> FromFormField<'v> for TypedPassword {
    fn from_value(field: ValueField<'v>) -> rocket::form::Result<'v, Self> {
        Ok(Self(Zeroizing::new(field.value.to_owned())))
    }

    fn default() -> Option<Self> {
        Some(Self(Zeroizing::default()))
    }
}

/// The room that the form stands in.
pub(super) struct Doorstep<'r> {
    cookies: Cookies<'r>,
    auth: &'r Auth,
    shelf: &'r Shelf,
    site: &'r SiteSettings,
}

/// The form; a member is sent on to where they wanted to go, and one whom nobody can confirm is told so.
#[get("/")]
pub(super) fn form(
    asked: Asked,
    visitor: Visitor,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    limits: &State<Limits>,
) -> Result<Either<Redirect, Html<SignInView>>, Refusal> {
    let next = asked.get("next").and_then(NextPath::parse).unwrap_or_else(NextPath::home);
    let said = match visitor {
        Visitor::Member(_) => return Ok(Either::Left(Redirect::to(next.to_string()))),
        Visitor::Unconfirmed => Some(why_unconfirmed(limits.session_stale_after)),
        Visitor::Anonymous => None,
    };
    doorstep.show(chrome, &next, "", said).map(Either::Right)
}

/// What is said to somebody who is signed in and finds the doors shut.
fn why_unconfirmed(stale_after: Duration) -> Said {
    let text = format!(
        "You are still signed in, but the company directory has not answered for more than {}, and without it nobody \
         can say what you may see. Your pages open again when it answers, without signing in. Pages open to all stay \
         open.",
        in_words(stale_after)
    );
    Said { tone: Tone::Warn, text }
}

/// Signs somebody in and sends them back to where they wanted to go, or says why not above the form.
#[post("/", data = "<form>")]
pub(super) async fn submit(
    form: Form<SignInForm>,
    client: Client,
    _from_here: SameOrigin,
    visitor: Visitor,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    limits: &State<Limits>,
) -> Result<Either<Redirect, Html<SignInView>>, Refusal> {
    let SignInForm { username, password, next, csrf } = form.into_inner();
    let next = NextPath::parse(&next).unwrap_or_else(NextPath::home);
    if !doorstep.form_is_ours(&csrf) {
        let forgery = Event::ForgeryRefused { visitor: &visitor, reason: "csrf-token" };
        doorstep.auth.audit().record(&client, &forgery);
        let text = "This form was open for a long time, or this browser keeps no cookies. Please sign in again.";
        let said = Said { tone: Tone::Info, text: text.to_owned() };
        let form = doorstep.show(chrome, &next, &username, Some(said))?;
        return Ok(Either::Right(form.with_status(Status::BadRequest)));
    }
    let previous = doorstep.cookies.session();
    match doorstep.auth.sign_in(&username, password.0, &client, previous.as_ref()).await {
        Ok(signed_in) => {
            doorstep.cookies.keep_session(&signed_in.token, limits.session_lasts);
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        Err(refusal) => {
            let (status, said) = doorstep.words(&refusal)?;
            let form = doorstep.show(chrome, &next, &username, Some(said))?;
            Ok(Either::Right(form.with_status(status)))
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Doorstep<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let transport = try_outcome!(request.guard::<&State<Transport>>().await).inner();
        Outcome::Success(Self {
            cookies: Cookies::new(request.cookies(), transport),
            auth: try_outcome!(request.guard::<&State<Arc<Auth>>>().await),
            shelf: try_outcome!(request.guard::<&State<Arc<Shelf>>>().await),
            site: try_outcome!(request.guard::<&State<Arc<SiteSettings>>>().await),
        })
    }
}

impl Doorstep<'_> {
    /// Whether the form was made by us for this very browser.
    fn form_is_ours(&self, csrf: &str) -> bool {
        self.cookies
            .stranger()
            .is_some_and(|stranger: StrangerToken| self.auth.keys().csrf_holds(Holder::Stranger(&stranger), csrf))
    }

    fn show(
        &self,
        chrome: Chrome,
        next: &NextPath,
        username: &str,
        said: Option<Said>,
    ) -> Result<Html<SignInView>, Refusal> {
        let stranger = self.stranger()?;
        let view = SignInView {
            page_title: self.page_behind(next),
            said,
            username: username.to_owned(),
            next: next.to_string(),
            csrf: self.auth.keys().csrf_token(Holder::Stranger(&stranger)).as_str().to_owned(),
        };
        Ok(Html::new("auth/sign_in", "Sign in", chrome, view))
    }

    /// What this browser's forms are bound to; given to it with the first form.
    fn stranger(&self) -> Result<StrangerToken, Refusal> {
        if let Some(stranger) = self.cookies.stranger() {
            return Ok(stranger);
        }
        let stranger = StrangerToken::generate().map_err(|error| Refusal::Internal(error.to_string()))?;
        self.cookies.keep_stranger(&stranger);
        Ok(stranger)
    }

    /// The title of the page that they came for.
    fn page_behind(&self, next: &NextPath) -> Option<String> {
        let slug: PageSlug = next.as_str().strip_prefix("/p/")?.split('?').next()?.parse().ok()?;
        self.shelf.title_behind_sign_in(&slug)
    }

    /// What is said about a refusal, to the person who typed: what helps them, and nothing that helps a stranger.
    fn words(&self, refusal: &SignInRefusal) -> Result<(Status, Said), Refusal> {
        let ask = match &self.site.contact {
            Some(contact) => format!("Ask {contact}."),
            None => "Ask your IT department.".to_owned(),
        };
        let (status, tone, text) = match refusal {
            // A throttled try looks like a wrong one: whoever guesses learns nothing from it.
            SignInRefusal::WrongCredentials | SignInRefusal::Throttled { .. } => (
                Status::Unauthorized,
                Tone::Warn,
                "That name and password did not match. Use the name and password that open your computer, or your \
                 mail name. After several wrong tries, wait a few minutes before the next."
                    .to_owned(),
            ),
            SignInRefusal::NotAtThisHour => {
                (Status::Forbidden, Tone::Warn, format!("Your account may not sign in at this hour. {ask}"))
            }
            SignInRefusal::NotFromHere => {
                (Status::Forbidden, Tone::Warn, format!("Your account may not sign in from this server. {ask}"))
            }
            SignInRefusal::PasswordExpired => (
                Status::Forbidden,
                Tone::Warn,
                "Your password has expired. Change it on your computer (Ctrl-Alt-Del on Windows), then sign in here."
                    .to_owned(),
            ),
            SignInRefusal::MustChangePassword => (
                Status::Forbidden,
                Tone::Warn,
                "Your password must be changed before you can sign in. Change it on your computer first.".to_owned(),
            ),
            SignInRefusal::Disabled => (Status::Forbidden, Tone::Bad, format!("Your account is disabled. {ask}")),
            SignInRefusal::AccountExpired => (Status::Forbidden, Tone::Bad, format!("Your account has expired. {ask}")),
            SignInRefusal::DirectoryUnreachable(Unreachable { password_sent: true, .. }) => (
                Status::ServiceUnavailable,
                Tone::Bad,
                "The company directory did not answer in time, so you are not signed in. Your password may have been \
                 checked all the same: make sure it is right before you try again in a minute."
                    .to_owned(),
            ),
            SignInRefusal::DirectoryUnreachable(Unreachable { password_sent: false, .. }) => (
                Status::ServiceUnavailable,
                Tone::Bad,
                "The company directory cannot be reached right now, so nobody can sign in. Your password was not \
                 checked. Try again in a minute."
                    .to_owned(),
            ),
            SignInRefusal::Store(error) => return Err(Refusal::StoreUnavailable(error.to_string())),
        };
        Ok((status, Said { tone, text }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    fn wipes_itself(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn the_forms_password_wipes_itself_and_is_empty_when_it_is_missing() {
        let typed: SignInForm = Form::parse("username=alice&password= correct horse ").unwrap();
        wipes_itself(&typed.password.0);
        assert_eq!(*typed.password.0, " correct horse ", "nothing is trimmed");
        let missing: SignInForm = Form::parse("username=alice").unwrap();
        assert_eq!(*missing.password.0, "");
    }
}
