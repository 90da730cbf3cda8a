use std::sync::Arc;

use rocket::http::{ContentType, Header};
use rocket::response::stream::ByteStream;
use rocket::{Responder, get};
use tokio::sync::mpsc;

use crate::connections::Asking;
use crate::domain::{Client, Visitor};
use crate::live::{Event, Farewell};
use crate::pages::PageDenied;
use crate::web::guards::{LastEventId, QueryParams, RequestOrigin};
use crate::web::live_subscriber::LiveSubscriber;
use crate::web::refusal::Refusal;

/// A stream of server-sent events. Each event was made once, for all who hear it.
#[derive(Responder)]
pub(super) struct EventStreamResponse<S> {
    stream: S,
    kind: ContentType,
    buffering: Header<'static>,
    caching: Header<'static>,
}

impl<S> EventStreamResponse<S> {
    fn of(stream: S) -> Self {
        // nginx gathers a stream until it has a page of it, unless it is told not to. And what a member saw is not kept.
        let buffering = Header::new("X-Accel-Buffering", "no");
        Self { stream, kind: ContentType::EventStream, buffering, caching: Header::new("Cache-Control", "no-store") }
    }
}

/// The live channel as server-sent events, for browsers behind proxies that cut upgrades. `id` carries the position,
/// which comes back as `Last-Event-ID` after a break (HTML, 9.2).
#[get("/<slug>")]
pub(super) fn watch(
    slug: &str,
    asked: QueryParams,
    last: LastEventId,
    visitor: Visitor,
    client: Client,
    origin: RequestOrigin,
    dial: LiveSubscriber<'_>,
) -> Result<EventStreamResponse<ByteStream![Event]>, Refusal> {
    if origin == RequestOrigin::Foreign {
        return Err(Refusal::ForeignOrigin);
    }
    let position = last.0.or_else(|| asked.position());
    // One event at a time: a stream that does not take it is no reason to keep more for it.
    let (events, mut said) = mpsc::channel(1);
    // A stream cannot be refused with a reason that its script would see.
    let farewell = match dial.open_stream(slug, &visitor, &client, &asked, position.as_ref()) {
        Ok(connection) => {
            let asking = dial.in_flight_request();
            dial.hub().carry(connection.pour(events, move || asking.iter().for_each(Asking::hang_up)));
            None
        }
        Err(Refusal::PageDenied(PageDenied::SignInRequired)) if matches!(visitor, Visitor::Unconfirmed) => {
            Some(Farewell::unconfirmed())
        }
        Err(Refusal::CapacityExceeded(crowded)) if origin == RequestOrigin::Same => {
            Some(Farewell::crowded(crowded.retry()))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(EventStreamResponse::of(ByteStream! {
        if let Some(farewell) = farewell {
            yield Arc::new(farewell.said()).event();
        }
        while let Some(event) = said.recv().await {
            yield event;
        }
    }))
}
