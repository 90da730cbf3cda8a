use std::time::Duration;

use rocket::http::{Header, Method, Status};
use rocket::request::Request;
use rocket::response::{self, Redirect, Responder, Response};
use rocket::serde::json::Json;
use rocket::{Catcher, Either, catch, catchers};
use serde_json::{Value, json};

use super::AppState;
use super::authentication::challenges;
use super::guards::{client_of, hint_at_origin, layout_for, visitor_of};
use super::html::Html;
use super::links::Link;
use super::refusal::{Refusal, wants_html};
use super::request_check::check_refusal;
use super::views::{ErrorView, Layout};
use crate::audit::AuditEvent;
use crate::domain::{PageSlug, Visitor};
use crate::pages::PageDenied;

/// The length of an error's reference in bytes: enough to find one line in a log.
const REFERENCE_BYTES: usize = 5;

/// The catcher of every status, which answers with the response to its [`Refusal`].
pub(super) fn catchers() -> Vec<Catcher> {
    catchers![refuse]
}

#[catch(default)]
async fn refuse(status: Status, request: &Request<'_>) -> RefusalResponse {
    let refusal = Refusal::take_stashed(request).or_else(|| check_refusal(request)).unwrap_or(match status.code {
        404 => Refusal::NotFound,
        // Rocket's status for an address that no route can read, such as one with `..` in it.
        422 if request.method() == Method::Get => Refusal::NotFound,
        500..=599 => Refusal::Internal("said by Rocket, before this line".to_owned()),
        _ => Refusal::Other(status),
    });
    let refusal = as_seen_by_unconfirmed(refusal, request).await;
    audit(&refusal, request).await;
    // A flood is no failure, and would flood the log.
    let is_failure = status.code >= 500 && !matches!(refusal, Refusal::Busy);
    let reference = is_failure.then(|| log_failure(&refusal, request));
    respond(&refusal, reference, request).await
}

/// Turns a request to sign in into [`Refusal::Unconfirmed`] for whom the directory cannot confirm: signing in helps them
/// nothing. A browser is sent to the form all the same, which says so; a script is told to try again.
async fn as_seen_by_unconfirmed(refusal: Refusal, request: &Request<'_>) -> Refusal {
    let must_sign_in = matches!(refusal, Refusal::PageDenied(PageDenied::SignInRequired));
    let is_redirected_to_form = request.method() == Method::Get && wants_html(request);
    if must_sign_in && !is_redirected_to_form && matches!(visitor_of(request).await, Ok(Visitor::Unconfirmed)) {
        return Refusal::Unconfirmed;
    }
    refusal
}

/// Audits refusals that an admin should know of: a page denied to a member, and a request that another site seems to
/// have made. Being asked to sign in is neither.
async fn audit(refusal: &Refusal, request: &Request<'_>) {
    let forgery = match refusal {
        Refusal::PageDenied(PageDenied::NotAllowed { .. } | PageDenied::OutOfScope) => None,
        Refusal::ForeignOrigin => {
            hint_at_origin(request);
            Some("origin")
        }
        Refusal::CsrfMismatch => Some("csrf-token"),
        _ => return,
    };
    let audit = AppState::of(request).auth.audit();
    let visitor = &visitor_of(request).await.unwrap_or(Visitor::Anonymous);
    let client = client_of(request);
    // Every route to a page ends in its name; the admin page's does too.
    let page: Option<PageSlug> = request.uri().path().segments().last().and_then(|slug| slug.parse().ok());
    match (forgery, &page) {
        (Some(reason), _) => audit.record(&client, &AuditEvent::ForgeryRefused { visitor, reason }),
        (None, Some(page)) => audit.record(&client, &AuditEvent::PageRefused { visitor, page }),
        (None, None) => {}
    }
}

/// The response to a refusal: a page for people, JSON for scripts, a redirect to the sign-in form.
struct RefusalResponse {
    body: Either<Redirect, Either<Html<ErrorView>, Json<Value>>>,
    status: Status,
    challenges: Vec<Header<'static>>,
    retry_after: Option<Duration>,
}

impl RefusalResponse {
    fn redirect(link: Link) -> Self {
        let body = Either::Left(Redirect::to(link));
        Self { body, status: Status::SeeOther, challenges: Vec::new(), retry_after: None }
    }
}

impl<'r> Responder<'r, 'static> for RefusalResponse {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        if let Either::Left(redirect) = self.body {
            return redirect.respond_to(request);
        }
        let mut response = Response::build_from(self.body.respond_to(request)?);
        for challenge in self.challenges {
            response.header_adjoin(challenge);
        }
        if let Some(wait) = self.retry_after {
            response.header(Header::new("Retry-After", wait.as_secs().to_string()));
        }
        response.status(self.status).ok()
    }
}

async fn respond(refusal: &Refusal, reference: Option<String>, request: &Request<'_>) -> RefusalResponse {
    if let Refusal::Moved(link) = refusal {
        let body = Either::Left(Redirect::permanent(link.clone()));
        return RefusalResponse { body, status: Status::PermanentRedirect, challenges: Vec::new(), retry_after: None };
    }
    let status = refusal.status();
    let (title, message, next_step) = refusal.message();
    let retry_after = refusal.retry_after();
    let is_challenged = status == Status::Unauthorized || refusal.is_out_of_scope();
    let challenges = if is_challenged { challenges(refusal, request) } else { Vec::new() };
    if !wants_html(request) {
        let error = json!({ "status": status.code, "code": refusal.code(), "message": message, "reference": reference });
        let body = Either::Right(Either::Right(Json(json!({ "error": error }))));
        return RefusalResponse { body, status, challenges, retry_after };
    }
    if matches!(refusal, Refusal::PageDenied(PageDenied::SignInRequired)) && request.method() == Method::Get {
        return RefusalResponse::redirect(Link::sign_in(&request.uri().to_string()));
    }
    if matches!(refusal, Refusal::PageDenied(PageDenied::SecondFactorRequired)) && request.method() == Method::Get {
        return RefusalResponse::redirect(Link::second_step(request.uri()));
    }
    if let Refusal::ReauthenticationRequired(next) = refusal {
        return RefusalResponse::redirect(Link::reauthenticate(next));
    }
    // Nobody is a stranger to the error page because the store is out of reach; it is shown without a name then.
    let visitor = visitor_of(request).await.unwrap_or(Visitor::Anonymous);
    let layout = match refusal {
        // Nothing of this site is for a page that has borrowed its address.
        Refusal::UnknownHost => Layout::default(),
        _ => layout_for(request, &visitor),
    };
    let owner = match refusal {
        Refusal::PageDenied(PageDenied::NotAllowed { owner }) => owner.clone(),
        _ => None,
    };
    let view = ErrorView { title: title.to_owned(), message, reference, owner, next_step };
    let body = Either::Right(Either::Left(Html::new(refusal.template(), title, layout, view)));
    RefusalResponse { body, status, challenges, retry_after }
}

fn log_failure(refusal: &Refusal, request: &Request<'_>) -> String {
    let mut bytes = [0; REFERENCE_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random bytes");
    }
    let reference = hex::encode(bytes);
    tracing::error!(
        reference,
        code = refusal.code(),
        cause = %refusal.cause(),
        path = %request.uri().path(),
        "a request failed"
    );
    reference
}
