use std::sync::Arc;

use rocket::Request;
use rocket::http::Method;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};
use url::{Position, Url};

use crate::auth::{Auth, NextPath};
use crate::domain::Member;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;

/// A member who has typed their password within `sessions.recent`, in the session they come with. Others are asked for
/// it, and come back. What admins do asks for this, and so does whatever would outlast the session.
pub(in crate::web) struct RecentlyProved;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RecentlyProved {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let rocket = request.rocket();
        let (Some(auth), Some(limits)) = (rocket.state::<Arc<Auth>>(), rocket.state::<Limits>()) else {
            return Refusal::Internal("the rooms behind the web are not there".to_owned()).stop(request);
        };
        match auth.has_proved_within(limits.recent, &member).await {
            Ok(true) => Outcome::Success(Self),
            Ok(false) => Refusal::ProveAgain(page_of(request)).stop(request),
            Err(error) => Refusal::from(error).stop(request),
        }
    }
}

/// Where the form for the password is, and the way back from it.
pub(in crate::web) fn again_href(next: &NextPath) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("/login/again?next={next}")
}

/// The page to come back to. A form's fields are not kept meanwhile, so whoever sent one comes back to the page that it
/// stands on, and sends it again. Whatever a `Referer` says, only its path counts, and only one of this site.
fn page_of(request: &Request<'_>) -> NextPath {
    let page = if request.method() == Method::Get {
        Some(request.uri().to_string())
    } else {
        let from = request.headers().get_one("Referer").and_then(|from| Url::parse(from).ok());
        from.map(|from| from[Position::BeforePath..Position::AfterQuery].to_owned())
    };
    page.as_deref().and_then(NextPath::parse).unwrap_or_else(NextPath::home)
}
