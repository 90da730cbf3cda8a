use std::time::Duration;

use rocket::data::Data;
use rocket::http::{ContentType, Status};
use rocket::{Route, post, routes};

use crate::domain::{Member, Scope, SourceName, Visitor};
use crate::pages::PageDenied;
use crate::sources::{PushError, PushInbox};
use crate::web::AppState;
use crate::web::form::read_body;
use crate::web::guards::SameOrigin;
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![push]
}

/// The least wait that is told: `Retry-After` is in seconds.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Takes what a program pushes to a source. Only a token made for it counts: a cookie, which a browser sends unasked, and a password
/// are good for more than that.
#[post("/<name>", data = "<body>")]
async fn push(
    name: &str,
    body: Data<'_>,
    content_type: Option<&ContentType>,
    _from_here: SameOrigin,
    visitor: Visitor,
    inbox: &PushInbox,
    state: &AppState,
) -> Result<Status, Refusal> {
    let (member, source) = require_scope(&visitor, name)?;
    if member.second_factor_until.is_none() && state.page_store.requires_second_factor(&member.person) {
        return Err(PageDenied::SecondFactorRequired.into());
    }
    // Who may not push to it does not learn whether it is there.
    let endpoint = inbox.endpoint(&source).filter(|endpoint| endpoint.admits(&visitor)).ok_or(Refusal::NotFound)?;
    let turn = endpoint.take_turn(&member.person.id, state.clock.now());
    let _turn = turn.map_err(|wait| Refusal::RateLimited(wait.max(MIN_RETRY_AFTER)))?;
    let body = read_body(state, body, endpoint.max_bytes()).await?;
    let content_type = content_type.map(ToString::to_string);
    inbox.push(&source, endpoint, content_type.as_deref(), &body).await?;
    Ok(Status::NoContent)
}

/// The visitor and the name of the source, if their token is for it, whether or not there is such a source.
fn require_scope<'visitor>(visitor: &'visitor Visitor, name: &str) -> Result<(&'visitor Member, SourceName), Refusal> {
    let member = match visitor {
        Visitor::Member(member) => member,
        Visitor::Anonymous => return Err(PageDenied::SignInRequired.into()),
        Visitor::Unconfirmed => return Err(Refusal::Unconfirmed),
    };
    let source = name.parse::<SourceName>().ok();
    match (&member.scope, source) {
        (Scope::Limited(scope), Some(source)) if scope.can_push(&source) => Ok((member, source)),
        _ => Err(PageDenied::OutOfScope.into()),
    }
}

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Self {
        match error {
            PushError::BadBody(why) => Self::BadRequest(why),
            PushError::TooLarge(max_bytes) => Self::TooLarge(max_bytes),
            PushError::Store(error) => error.into(),
        }
    }
}
