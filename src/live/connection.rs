use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{Clock, Person, Timestamp, Visitor};
use crate::pages::{Closed, OpenPage, Shelf};

use super::backoff;
use super::channel::Position;
use super::frame::Message;
use super::hub::Seat;
use super::lease::{Lease, News};
use super::viewer::Viewer;

/// After a page changed, its viewers come back within this time, so that they do not all come at once.
const COME_BACK_SOON: Duration = Duration::from_millis(500);

/// Over this long, the viewers of a server that shuts down come back to the next one.
const COME_BACK_LATER: Duration = Duration::from_secs(5);

/// One live connection: a viewer, and everything that can end it. Sockets ask it what to say next.
pub struct Connection {
    viewer: Viewer,
    greeting: Option<Arc<str>>,
    authority: Authority,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    next_ping: Timestamp,
}

/// What gives a connection the right to go on, and hears when it is gone.
pub struct Authority {
    shelf: Arc<Shelf>,
    shelf_changes: watch::Receiver<u64>,
    page: OpenPage,
    visitor: Visitor,
    /// What this visitor sees: of the page, and of the bar around it.
    revision: String,
    lease: Lease,
    shutdown: watch::Receiver<bool>,
}

/// What to do with the socket next.
#[derive(Clone, Debug)]
pub enum Say {
    /// Send this text.
    Text {
        /// The JSON of the wire protocol.
        text: Arc<str>,
        /// Where the channel is after it; `None` for what does not move it.
        position: Option<Position>,
    },
    /// Send the goodbye, then the close frame.
    Bye(Farewell),
}

/// Why a connection ends, in the words and numbers of the wire protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// `signed-out`, `expired`, `revoked`, `sign-in`, `second-factor`, `unconfirmed`, `not-allowed`, `changed`, `gone`, `broken`,
    /// `shutdown`, `protocol`, `bad-inputs`, `crowded`.
    pub reason: &'static str,
    /// The WebSocket close code.
    pub code: u16,
    /// When to come back, if that makes sense.
    pub retry: Option<Duration>,
}

impl Farewell {
    /// The `bye` message.
    pub fn text(&self) -> Arc<str> {
        let retry_ms = self.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap_or(u64::MAX));
        Message::Bye { reason: self.reason, retry_ms }.encode()
    }

    /// What is said while nobody can confirm that the visitor may still be signed in. It may be over at any moment, and
    /// the page goes on then.
    pub fn unconfirmed() -> Self {
        Self { reason: "unconfirmed", code: 1013, retry: Some(backoff::jitter(COME_BACK_LATER)) }
    }

    /// What a closed door has to say.
    pub fn of(closed: &Closed) -> Self {
        match closed {
            // A file may be away for a moment, while it is replaced.
            Closed::NotFound => Self { reason: "gone", code: 1001, retry: Some(backoff::jitter(COME_BACK_LATER)) },
            Closed::NotAllowed { .. } | Closed::OutOfScope => Self { reason: "not-allowed", code: 4403, retry: None },
            Closed::SignInFirst => Self { reason: "sign-in", code: 4401, retry: None },
            Closed::SecondFactorFirst => Self { reason: "second-factor", code: 4401, retry: None },
        }
    }
}

impl Connection {
    /// A connection that goes on from `position`, as far as the channel still can.
    pub fn new(
        seat: Seat,
        position: Option<&Position>,
        authority: Authority,
        heartbeat: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let viewer = Viewer::new(seat, position);
        let next_ping = clock.now() + heartbeat;
        Self { greeting: Some(viewer.hello(&authority.revision)), viewer, authority, clock, heartbeat, next_ping }
    }

    /// What to say next. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Say {
        if let Some(greeting) = self.greeting.take() {
            return Say::Text { text: greeting, position: None };
        }
        // No further off than a heartbeat, should the machine's clock have been set back.
        let until_ping = self.next_ping.since(self.clock.now()).min(self.heartbeat);
        tokio::select! {
            biased;
            farewell = self.authority.ended(&*self.clock) => Say::Bye(farewell),
            () = self.clock.sleep(until_ping) => {
                self.next_ping = self.clock.now() + self.heartbeat;
                Say::Text { text: Message::Ping.encode(), position: None }
            }
            frame = self.viewer.next() => match frame {
                Some(frame) => Say::Text { text: frame.text, position: Some(self.viewer.position()) },
                None => Say::Bye(Farewell { reason: "broken", code: 1011, retry: Some(backoff::jitter(COME_BACK_LATER)) }),
            },
        }
    }

    /// Resolves when the connection must end, whatever the socket is doing.
    pub async fn ended(&mut self) -> Farewell {
        self.authority.ended(&*self.clock).await
    }

    /// The page being watched.
    pub fn page(&self) -> &OpenPage {
        &self.authority.page
    }

    /// Asks the door again, since whoever changes the inputs subscribes anew.
    ///
    /// # Errors
    /// The goodbye, when the visitor may not see the page any more.
    pub fn ask_the_door(&self) -> Result<OpenPage, Farewell> {
        self.authority.ask_the_door()
    }

    /// Moves to another channel of the same page; what follows begins with a snapshot.
    pub fn move_to(&mut self, seat: Seat) {
        self.viewer = Viewer::new(seat, None);
    }
}

impl Authority {
    /// The right of `visitor` to watch `page`, for as long as the door, the `lease` and the server last. `shelf_changes`
    /// must have been subscribed before the page was opened, so that no change in between goes unheard.
    pub fn new(
        shelf: Arc<Shelf>,
        shelf_changes: watch::Receiver<u64>,
        page: OpenPage,
        visitor: Visitor,
        lease: Lease,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let revision = shelf.revision_for(&page, &visitor);
        Self { shelf, shelf_changes, page, visitor, revision, lease, shutdown }
    }

    fn ask_the_door(&self) -> Result<OpenPage, Farewell> {
        self.shelf.open(self.page.slug.as_str(), &self.visitor).map_err(|closed| Farewell::of(&closed))
    }

    async fn ended(&mut self, clock: &dyn Clock) -> Farewell {
        loop {
            let factor_until = self.visitor.member().and_then(|member| member.second_factor_until);
            let heard = tokio::select! {
                biased;
                news = self.lease.news() => Heard::OfTheLease(news),
                _ = self.shutdown.wait_for(|shutting_down| *shutting_down) => Heard::Shutdown,
                () = passed(factor_until, clock) => Heard::OfTheFactor,
                // The sender lives in the shelf, which this holds.
                _ = self.shelf_changes.changed() => Heard::OfTheShelf,
            };
            let farewell = match heard {
                Heard::OfTheLease(News::Ended(reason)) => {
                    Some(Farewell { reason: reason.word(), code: 4401, retry: None })
                }
                Heard::OfTheLease(News::Unconfirmed) => Some(Farewell::unconfirmed()),
                Heard::OfTheLease(News::Changed(person)) => self.visitor_is_now(person),
                Heard::Shutdown => {
                    let retry = Some(backoff::jitter(COME_BACK_LATER));
                    Some(Farewell { reason: "shutdown", code: 1001, retry })
                }
                Heard::OfTheFactor => self.factor_counts_no_more(),
                Heard::OfTheShelf => self.shelf_is_another(),
            };
            if let Some(farewell) = farewell {
                return farewell;
            }
        }
    }

    /// The goodbye, when the page is another one by now, or may not be seen any more. That other pages came or went is
    /// not worth a new start of every board: the bar follows at the next.
    fn shelf_is_another(&mut self) -> Option<Farewell> {
        match self.ask_the_door() {
            Err(farewell) => Some(farewell),
            Ok(page) if page.revision() != self.page.revision() => Some(changed()),
            Ok(page) => {
                self.revision = self.shelf.revision_for(&page, &self.visitor);
                None
            }
        }
    }

    /// Asks the door again for somebody whose second factor was shown too long ago: for a page that needs one, that is the
    /// end. On any other the bar shows what is locked now.
    fn factor_counts_no_more(&mut self) -> Option<Farewell> {
        if let Visitor::Member(member) = &mut self.visitor {
            member.second_factor_until = None;
        }
        self.visitor_is_another()
    }

    /// Asks the door again for somebody whom the directory describes anew. The goodbye, when they may not see the page
    /// any more, or when the bar around it is another one by now: then the page is loaded anew with it.
    fn visitor_is_now(&mut self, person: Person) -> Option<Farewell> {
        if let Visitor::Member(member) = &mut self.visitor {
            member.person = person;
        }
        self.visitor_is_another()
    }

    fn visitor_is_another(&self) -> Option<Farewell> {
        match self.ask_the_door() {
            Err(farewell) => Some(farewell),
            Ok(page) => (self.shelf.revision_for(&page, &self.visitor) != self.revision).then(changed),
        }
    }
}

/// What a connection listens to.
enum Heard {
    OfTheLease(News),
    OfTheFactor,
    OfTheShelf,
    Shutdown,
}

/// The page, or what stands around it, is another one by now.
fn changed() -> Farewell {
    Farewell { reason: "changed", code: 1001, retry: Some(backoff::jitter(COME_BACK_SOON)) }
}

/// Resolves at a moment; never, when there is none.
async fn passed(moment: Option<Timestamp>, clock: &dyn Clock) {
    match moment {
        Some(moment) => clock.sleep(moment.since(clock.now())).await,
        None => std::future::pending().await,
    }
}
