use std::sync::Arc;

use rocket::http::{ContentType, Header};
use rocket::response::stream::ByteStream;
use rocket::{Responder, Route, get, routes};
use tokio::sync::mpsc;

use crate::connections::InFlightRequest;
use crate::domain::{Client, Visitor};
use crate::live::{CloseReason, SseEvent};
use crate::pages::PageDenied;
use crate::web::guards::{LastEventId, QueryParams, RequestOrigin};
use crate::web::live_subscriber::LiveSubscriber;
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![connect]
}

/// A stream of server-sent events. Each event was encoded once, for all who get it.
#[derive(Responder)]
pub(super) struct EventStreamResponse<S> {
    stream: S,
    kind: ContentType,
    buffering: Header<'static>,
    caching: Header<'static>,
}

impl<S> EventStreamResponse<S> {
    fn of(stream: S) -> Self {
        // nginx buffers a stream until it has a page of it, unless it is told not to. And what a member saw is not cached.
        let buffering = Header::new("X-Accel-Buffering", "no");
        Self { stream, kind: ContentType::EventStream, buffering, caching: Header::new("Cache-Control", "no-store") }
    }
}

/// The live channel as server-sent events, for browsers behind proxies that cut upgrades. `id` carries the position,
/// which comes back as `Last-Event-ID` after a break (HTML, 9.2).
#[get("/<slug>")]
async fn connect(
    slug: &str,
    params: QueryParams,
    last: LastEventId,
    visitor: Visitor,
    client: Client,
    origin: RequestOrigin,
    subscriber: LiveSubscriber<'_>,
) -> Result<EventStreamResponse<ByteStream![SseEvent]>, Refusal> {
    if origin == RequestOrigin::Foreign {
        return Err(Refusal::ForeignOrigin);
    }
    let position = last.0.or_else(|| params.resume_position());
    // One event at a time: a stream that does not take it is no reason to keep more for it.
    let (sender, mut receiver) = mpsc::channel(1);
    // A stream cannot be refused with a reason that its script would see.
    let close_reason = match subscriber.open_stream(slug, &visitor, &client, &params, position.as_ref()).await {
        Ok(connection) => {
            let in_flight = subscriber.in_flight_request();
            subscriber
                .hub()
                .spawn(connection.forward_to(sender, move || in_flight.iter().for_each(InFlightRequest::request_close)));
            None
        }
        Err(Refusal::PageDenied(PageDenied::SignInRequired)) if matches!(visitor, Visitor::Unconfirmed) => {
            Some(CloseReason::unconfirmed())
        }
        Err(Refusal::CapacityExceeded(exceeded)) if origin == RequestOrigin::Same => {
            Some(CloseReason::capacity_exceeded(exceeded.retry_after()))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(EventStreamResponse::of(ByteStream! {
        if let Some(close_reason) = close_reason {
            yield Arc::new(close_reason.encode()).event();
        }
        while let Some(event) = receiver.recv().await {
            yield event;
        }
    }))
}
