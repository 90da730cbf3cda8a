use rocket::Request;
use rocket::http::Method;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};

use crate::domain::{Member, Visitor};
use crate::pages::PageDenied;
use crate::web::AppState;
use crate::web::authentication::WebRequest;
use crate::web::connection_tracking::set_member;
use crate::web::refusal::Refusal;

/// The visitor who makes this request; looked up once, however many guards ask.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for Visitor {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match visitor_of(request).await {
            Ok(visitor) => Outcome::Success(visitor),
            Err(refusal) => refusal.into_outcome(request),
        }
    }
}

/// An authenticated visitor; others are asked to sign in. For what is one's own, or the admins': a token is good for
/// pages alone, and nothing is changed but from a page of ours, by somebody who is signed in there.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for Member {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match try_outcome!(request.guard::<Visitor>().await) {
            Visitor::Member(member) if !member.scope.is_unrestricted() => {
                Refusal::PageDenied(PageDenied::OutOfScope).into_outcome(request)
            }
            Visitor::Member(member) if is_unsafe_method(request) && member.session().is_none() => {
                Refusal::PageDenied(PageDenied::OutOfScope).into_outcome(request)
            }
            Visitor::Member(member) => Outcome::Success(*member),
            Visitor::Anonymous | Visitor::Unconfirmed => Refusal::PageDenied(PageDenied::SignInRequired).into_outcome(request),
        }
    }
}

/// A member who may see the admin pages: one of the admins, with more than a token that was made for something else.
pub(in crate::web) struct Administrator(pub(in crate::web) Member);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Administrator {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let AppState { settings, page_store, .. } = AppState::of(request);
        if !(member.scope.is_unrestricted() && settings.admins.includes(&member.person)) {
            return Refusal::PageDenied(PageDenied::NotAllowed { owner: None }).into_outcome(request);
        }
        // What is not public is closed to a member who has shown no second factor where the settings require one.
        if member.second_factor_until.is_none() && page_store.requires_second_factor(&member.person) {
            return Refusal::PageDenied(PageDenied::SecondFactorRequired).into_outcome(request);
        }
        Outcome::Success(Self(member))
    }
}

/// Whether the method is unsafe: safe ones (RFC 9110, 9.2.1) change nothing here.
pub(super) fn is_unsafe_method(request: &Request<'_>) -> bool {
    !matches!(request.method(), Method::Get | Method::Head | Method::Options)
}

/// The visitor of the request.
pub(in crate::web) async fn visitor_of(request: &Request<'_>) -> Result<Visitor, Refusal> {
    request.local_cache_async(authenticate(request)).await.clone()
}

async fn authenticate(request: &Request<'_>) -> Result<Visitor, Refusal> {
    let visitor = AppState::of(request).authenticator.authenticate(&WebRequest(request)).await?;
    if let Some(member) = visitor.member() {
        set_member(request, &member.person.id);
    }
    Ok(visitor)
}

/// The member whom a guard of this request has found already, for the log.
pub(in crate::web) fn cached_member<'r>(request: &'r Request<'_>) -> Option<&'r Member> {
    request.local_cache(|| Ok::<_, Refusal>(Visitor::Anonymous)).as_ref().ok().and_then(Visitor::member)
}
