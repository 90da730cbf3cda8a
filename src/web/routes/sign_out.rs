use rocket::response::Redirect;
use rocket::{Either, get, post};

use crate::auth::{Auth, CsrfBinding};
use crate::domain::{Client, Visitor};
use crate::web::cookies::Cookies;
use crate::web::form::{CsrfForm, Form};
use crate::web::guards::SameOrigin;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, SignOutView, SignedOutView};

/// Asks a visitor with a session whether to sign out, since following a link must change nothing; others have signed
/// out.
#[get("/")]
pub(super) fn show(visitor: Visitor, layout: Layout) -> Either<Html<SignOutView>, Html<SignedOutView>> {
    match visitor {
        Visitor::Member(_) | Visitor::Unconfirmed => {
            Either::Left(Html::new("auth/sign_out", "Sign out", layout, SignOutView {}))
        }
        Visitor::Anonymous => Either::Right(Html::new("auth/signed_out", "Signed out", layout, SignedOutView {})),
    }
}

#[post("/", data = "<form>")]
pub(super) async fn submit(
    form: Form<CsrfForm<'_>>,
    client: Client,
    _from_here: SameOrigin,
    cookies: Cookies<'_>,
    auth: &Auth,
) -> Result<Redirect, Refusal> {
    if let Some(token) = cookies.session() {
        if !auth.keys().verify_csrf_token(CsrfBinding::Session(&token), form.csrf) {
            return Err(Refusal::CsrfMismatch);
        }
        auth.sign_out(&token, &client).await?;
    }
    cookies.remove_session();
    Ok(Redirect::to("/logout"))
}
