use std::sync::Arc;

use rocket::Request;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};

use crate::auth::Auth;
use crate::domain::Member;
use crate::web::refusal::Refusal;

/// A member who has proved within ten minutes that it is they, for what nobody must do at a desk that was left: with their second
/// factor where they have one, otherwise with their password. Others are led to the form for it, `/login/again`, and back; what they
/// sent is not done.
pub(in crate::web) struct RecentlyProved(pub(in crate::web) Member);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RecentlyProved {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let refusal = match (request.rocket().state::<Arc<Auth>>(), member.session()) {
            (Some(auth), Some(session)) => match auth.has_proved_recently(session).await {
                Ok(true) => return Outcome::Success(Self(member)),
                Ok(false) => Refusal::ProveAgain,
                Err(error) => error.into(),
            },
            // Only a session can be proved anew.
            (Some(_), None) => Refusal::ProveAgain,
            (None, _) => Refusal::Internal("the rooms behind the web are not there".to_owned()),
        };
        Outcome::Error((refusal.stash(request), ()))
    }
}
