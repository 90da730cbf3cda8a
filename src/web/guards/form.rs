use std::sync::Arc;

use rocket::State;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};

use crate::auth::{Auth, Holder};
use crate::web::Transport;
use crate::web::cookies::Cookies;
use crate::web::guards::SameOrigin;
use crate::web::refusal::Refusal;

/// What a member's form is checked with. The request is from no other site's page.
pub(in crate::web) struct Guarded<'r> {
    auth: &'r Auth,
    cookies: Cookies<'r>,
    pub(in crate::web) transport: &'r Transport,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Guarded<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let _from_here = try_outcome!(request.guard::<SameOrigin>().await);
        let transport = try_outcome!(request.guard::<&State<Transport>>().await).inner();
        let auth = try_outcome!(request.guard::<&State<Arc<Auth>>>().await);
        Outcome::Success(Self { auth, cookies: Cookies::new(request.cookies(), transport), transport })
    }
}

impl Guarded<'_> {
    /// Whether the form was made by us for this very session.
    pub(in crate::web) fn form_is_ours(&self, csrf: &str) -> Result<(), Refusal> {
        let token = self.cookies.session().ok_or(Refusal::FormNotOurs)?;
        if self.auth.keys().csrf_holds(Holder::Member(&token), csrf) { Ok(()) } else { Err(Refusal::FormNotOurs) }
    }
}
