use rocket::Request;
use rocket::http::Method;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};
use url::{Position, Url};

use super::visitor::is_unsafe_method;
use super::{SameOrigin, client_of};
use crate::auth::NextPath;
use crate::domain::{Client, Member};
use crate::web::AppState;
use crate::web::refusal::Refusal;

/// A member who has authenticated within `sessions.recent` in this session: with their second factor where they have
/// one, otherwise with their password. Others are asked for it, and come back. Sensitive actions ask for this: what
/// admins do, and whatever would outlast the session. A page of another site asks nobody for anything.
pub(in crate::web) struct RecentlyAuthenticated {
    pub(in crate::web) member: Member,
    pub(in crate::web) client: Client,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RecentlyAuthenticated {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        if is_unsafe_method(request) {
            let SameOrigin = try_outcome!(request.guard::<SameOrigin>().await);
        }
        let AppState { auth, settings, .. } = AppState::of(request);
        match auth.has_authenticated_within(settings.sessions.recent, &member).await {
            Ok(true) => Outcome::Success(Self { member, client: client_of(request) }),
            Ok(false) => Refusal::ReauthenticationRequired(return_page(request)).into_outcome(request),
            Err(error) => Refusal::from(error).into_outcome(request),
        }
    }
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
