use std::convert::Infallible;

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::auth::Auth;
use crate::domain::{Client, Visitor};
use crate::web::cookies::Cookies;
use crate::web::guards::{CsrfForm, NoFields, SameOrigin};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::views::{Layout, SignOutView};

pub(super) fn routes() -> Vec<Route> {
    routes![show, submit, submit_without_session]
}

/// Asks a visitor with a session whether to sign out, since following a link must change nothing; others have signed
/// out.
#[get("/")]
fn show(visitor: Visitor, layout: Layout) -> Html<SignOutView> {
    match visitor {
        Visitor::Member(_) | Visitor::Unconfirmed => Html::new("auth/sign_out", "Sign out", layout, SignOutView {}),
        Visitor::Anonymous => Html::new("auth/signed_out", "Signed out", layout, SignOutView {}),
    }
}

#[post("/", data = "<form>")]
async fn submit(
    form: CsrfForm<'_, NoFields>,
    _session: HasSession,
    client: Client,
    cookies: Cookies<'_>,
    auth: &Auth,
) -> Redirect {
    auth.sign_out(form.binding(), &client).await;
    cookies.remove_session();
    Redirect::to(Link::to("logout"))
}

/// A browser without a session, which has signed out in another tab: there is nothing to end. A cookie that cannot be read
/// goes.
#[post("/", rank = 2)]
fn submit_without_session(_from_here: SameOrigin, _none: HasNoSession, cookies: Cookies<'_>) -> Redirect {
    cookies.remove_session();
    Redirect::to(Link::to("logout"))
}

/// A browser that has a session, alive or not.
pub(super) struct HasSession;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for HasSession {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        match Cookies::of(request).session() {
            Some(_) => Outcome::Success(Self),
            None => Outcome::Forward(Status::BadRequest),
        }
    }
}

/// A browser that has none. One that has gets here only with what is no form.
pub(super) struct HasNoSession;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for HasNoSession {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        match Cookies::of(request).session() {
            Some(_) => Outcome::Forward(Status::UnsupportedMediaType),
            None => Outcome::Success(Self),
        }
    }
}
