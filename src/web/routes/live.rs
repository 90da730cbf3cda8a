use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Request, Response, Route, get, response, routes};
use rocket_ws::WebSocket;

use crate::audit::AuditEvent;
use crate::domain::{Client, Visitor};
use crate::live::CloseReason;
use crate::pages::PageDenied;
use crate::web::guards::{QueryParams, RequestOrigin};
use crate::web::links::Link;
use crate::web::live_subscriber::LiveSubscriber;
use crate::web::refusal::Refusal;
use crate::web::upgrade::{UpgradeAction, WebSocketUpgrade};

pub(super) fn routes() -> Vec<Route> {
    routes![connect, not_an_upgrade]
}

/// The live channel of a page over a WebSocket. A page of another site never gets one, and a session's cookie counts
/// only when the browser says where it comes from; credentials in a header no page can send. A browser that is refused
/// is told so on the socket, since its script cannot see the answer to a handshake; a script gets the plain refusal.
#[get("/<slug>")]
async fn connect(
    slug: &str,
    params: QueryParams,
    origin: RequestOrigin,
    visitor: Visitor,
    client: Client,
    subscriber: LiveSubscriber<'_>,
    handshake: WebSocket,
) -> Result<WebSocketUpgrade, Refusal> {
    let has_session = visitor.member().is_some_and(|member| member.session().is_some());
    if origin == RequestOrigin::Foreign || origin == RequestOrigin::Unknown && has_session {
        return Err(Refusal::ForeignOrigin);
    }
    let action = match subscriber.open_socket(slug, &visitor, &client, &params).await {
        Ok(socket) => UpgradeAction::Serve(Box::new(socket)),
        Err(Refusal::PageDenied(denied)) if origin == RequestOrigin::Same => {
            // This response passes no catcher, which would have audited it.
            if let (PageDenied::NotAllowed { .. } | PageDenied::OutOfScope, Ok(page)) = (&denied, &slug.parse()) {
                subscriber.audit().record(&client, &AuditEvent::PageRefused { visitor: &visitor, page });
            }
            UpgradeAction::Reject(close_reason(&denied, &visitor))
        }
        Err(Refusal::CapacityExceeded(exceeded)) if origin == RequestOrigin::Same => {
            UpgradeAction::Reject(CloseReason::capacity_exceeded(exceeded.retry_after()))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(WebSocketUpgrade::new(handshake, subscriber.hub(), action))
}

/// The close reason for a visitor who may not open the page: whom nobody can confirm need not sign in, but try again.
fn close_reason(denied: &PageDenied, visitor: &Visitor) -> CloseReason {
    match (denied, visitor) {
        (PageDenied::SignInRequired, Visitor::Unconfirmed) => CloseReason::unconfirmed(),
        _ => CloseReason::page_denied(denied),
    }
}

/// The response to a request for a live channel that is no WebSocket handshake.
pub(super) struct UpgradeRequired;

#[get("/<_slug>", rank = 2)]
fn not_an_upgrade(_slug: &str) -> UpgradeRequired {
    UpgradeRequired
}

/// 426 Upgrade Required (RFC 9110, 15.5.22).
impl<'r> Responder<'r, 'static> for UpgradeRequired {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let text = format!("This is a WebSocket. The same as server-sent events is at {}.\n", Link::to("events/"));
        let text = text.respond_to(request)?;
        Response::build_from(text)
            .status(Status::UpgradeRequired)
            .header(Header::new("Upgrade", "websocket"))
            .header(Header::new("Connection", "Upgrade"))
            .ok()
    }
}
