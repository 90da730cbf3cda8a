use rocket::Request;
use rocket::http::Method;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};
use url::{Position, Url};

use super::href_with_next;
use crate::auth::NextPath;
use crate::domain::Member;
use crate::web::AppState;
use crate::web::refusal::Refusal;

/// A member who has authenticated within `sessions.recent` in this session: with their second factor where they have
/// one, otherwise with their password. Others are asked for it, and come back. Sensitive actions ask for this: what
/// admins do, and whatever would outlast the session.
pub(in crate::web) struct RecentlyAuthenticated;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RecentlyAuthenticated {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let AppState { auth, settings, .. } = AppState::of(request);
        match auth.has_authenticated_within(settings.sessions.recent, &member).await {
            Ok(true) => Outcome::Success(Self),
            Ok(false) => Refusal::ReauthenticationRequired(return_page(request)).into_outcome(request),
            Err(error) => Refusal::from(error).into_outcome(request),
        }
    }
}

/// The address of the form for authenticating again, with the way back from it.
pub(in crate::web) fn reauthenticate_href(next: &NextPath) -> String {
    href_with_next("/login/again", next.as_str())
}

/// The page to return to. A form's fields are not kept meanwhile, so whoever sent one comes back to the page that it
/// stands on, and sends it again. Whatever a `Referer` says, only its path counts, and only one of this site.
fn return_page(request: &Request<'_>) -> NextPath {
    let page = if request.method() == Method::Get {
        Some(request.uri().to_string())
    } else {
        let from = request.headers().get_one("Referer").and_then(|from| Url::parse(from).ok());
        from.map(|from| from[Position::BeforePath..Position::AfterQuery].to_owned())
    };
    page.as_deref().and_then(NextPath::parse).unwrap_or_else(NextPath::home)
}
