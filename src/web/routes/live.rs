use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Request, Response, get, response};
use rocket_ws::WebSocket;

use crate::audit::Event;
use crate::domain::{Client, Visitor};
use crate::live::Farewell;
use crate::pages::PageDenied;
use crate::web::guards::{QueryParams, RequestOrigin};
use crate::web::live_subscriber::LiveSubscriber;
use crate::web::refusal::Refusal;
use crate::web::upgrade::{UpgradeAction, WebSocketUpgrade};

/// The live channel of a page. A page of another site never gets one, and a session's cookie counts only when the
/// browser says where it comes from; what is shown in a header no page can send. A browser that the door refuses is told
/// so on the socket, since its script cannot see the answer to a handshake; a script gets the plain refusal.
#[get("/<slug>")]
pub(super) fn watch(
    slug: &str,
    asked: QueryParams,
    origin: RequestOrigin,
    visitor: Visitor,
    client: Client,
    dial: LiveSubscriber<'_>,
    handshake: WebSocket,
) -> Result<WebSocketUpgrade, Refusal> {
    match (origin, &visitor) {
        (RequestOrigin::Unknown, _) if dial.is_by_header() => (),
        (RequestOrigin::Foreign, _) | (RequestOrigin::Unknown, Visitor::Member(_) | Visitor::Unconfirmed) => {
            return Err(Refusal::ForeignOrigin);
        }
        (RequestOrigin::Same, _) | (RequestOrigin::Unknown, Visitor::Anonymous) => (),
    }
    let then = match dial.open_socket(slug, &visitor, &client, &asked) {
        Ok(socket) => UpgradeAction::Serve(Box::new(socket)),
        Err(Refusal::PageDenied(closed)) if origin == RequestOrigin::Same => {
            // This answer passes no catcher, which would have written it down.
            if let (PageDenied::NotAllowed { .. } | PageDenied::OutOfScope, Ok(page)) = (&closed, &slug.parse()) {
                dial.audit().record(&client, &Event::PageRefused { visitor: &visitor, page });
            }
            UpgradeAction::Reject(close_reason(&closed, &visitor))
        }
        Err(Refusal::CapacityExceeded(crowded)) if origin == RequestOrigin::Same => {
            UpgradeAction::Reject(Farewell::crowded(crowded.retry()))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(WebSocketUpgrade::new(handshake, dial.hub(), then))
}

/// What a closed door has to say to this visitor: whom nobody can confirm need not sign in, but come again.
fn close_reason(closed: &PageDenied, visitor: &Visitor) -> Farewell {
    match (closed, visitor) {
        (PageDenied::SignInRequired, Visitor::Unconfirmed) => Farewell::unconfirmed(),
        _ => Farewell::of(closed),
    }
}

/// Whoever asks for a live channel without asking for an upgrade.
pub(super) struct UpgradeRequired;

#[get("/<_slug>", rank = 2)]
pub(super) fn not_an_upgrade(_slug: &str) -> UpgradeRequired {
    UpgradeRequired
}

/// RFC 9110, 15.5.22.
impl<'r> Responder<'r, 'static> for UpgradeRequired {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let text = "This is a WebSocket. The same as server-sent events is at /events/.\n".respond_to(request)?;
        Response::build_from(text)
            .status(Status::UpgradeRequired)
            .header(Header::new("Upgrade", "websocket"))
            .header(Header::new("Connection", "Upgrade"))
            .ok()
    }
}
