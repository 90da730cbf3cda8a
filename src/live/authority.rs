use std::sync::Arc;

use tokio::sync::watch;

use super::farewell::Farewell;
use super::lease::Lease;
use super::places::Place;
use crate::domain::{Clock, EndReason, Person, Timestamp, Visitor, wait_until};
use crate::pages::{OpenPage, PageStore};
use crate::store::RowEvent;

/// What gives a connection the right to go on, and hears when it is gone.
pub struct Authority {
    shelf: Arc<PageStore>,
    shelf_changes: watch::Receiver<u64>,
    page: OpenPage,
    visitor: Visitor,
    /// What this visitor sees: of the page, and of the bar around it.
    revision: String,
    lease: Lease,
    shutdown: watch::Receiver<bool>,
    place: Place,
}

impl Authority {
    /// The right of `visitor` to watch `page`, for as long as the door, the `lease` and the server last. `shelf_changes`
    /// must have been subscribed before the page was opened, so that no change in between goes unheard.
    pub fn new(
        shelf: Arc<PageStore>,
        shelf_changes: watch::Receiver<u64>,
        page: OpenPage,
        visitor: Visitor,
        lease: Lease,
        shutdown: watch::Receiver<bool>,
        place: Place,
    ) -> Self {
        let revision = shelf.revision_for(&page, &visitor);
        Self { shelf, shelf_changes, page, visitor, revision, lease, shutdown, place }
    }

    /// What this visitor sees: of the page, and of the bar around it.
    pub(super) fn revision(&self) -> &str {
        &self.revision
    }

    /// Asks the door again, since whoever changes the inputs subscribes anew.
    ///
    /// # Errors
    /// The goodbye, when the visitor may not see the page any more.
    pub(super) fn ask_the_door(&self) -> Result<OpenPage, Farewell> {
        self.shelf.open(self.page.slug.as_str(), &self.visitor).map_err(|closed| Farewell::of(&closed))
    }

    /// Resolves when the connection must end, whatever its line is doing. May be cancelled and asked again.
    pub(super) async fn ended(&mut self, clock: &dyn Clock) -> Farewell {
        loop {
            let (end, factor_until) = (self.lease.end, self.factor_until());
            let soonest = end.into_iter().chain(factor_until).min();
            let heard = tokio::select! {
                biased;
                news = self.lease.news() => Cause::OfTheLease(news),
                _ = self.shutdown.wait_for(|shutting_down| *shutting_down) => Cause::Shutdown,
                () = passed(soonest, clock) => {
                    if soonest == end { Cause::OfTheLease(RowEvent::Ended(EndReason::Expired)) } else { Cause::OfTheFactor }
                }
                // The sender lives in the shelf, which this holds.
                _ = self.shelf_changes.changed() => Cause::OfTheShelf,
            };
            let farewell = match heard {
                Cause::OfTheLease(RowEvent::Ended(reason)) => Some(Farewell::ended(reason)),
                Cause::OfTheLease(RowEvent::Unconfirmed) => Some(Farewell::unconfirmed()),
                Cause::OfTheLease(RowEvent::Changed(person)) => self.visitor_is_now(person),
                Cause::Shutdown => Some(Farewell::shutdown(self.place.viewers())),
                Cause::OfTheFactor => self.factor_counts_no_more(),
                Cause::OfTheShelf => self.shelf_is_another(),
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
            Ok(page) if page.revision() != self.page.revision() => Some(Farewell::changed()),
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

    fn factor_until(&self) -> Option<Timestamp> {
        self.visitor.member().and_then(|member| member.second_factor_until)
    }

    fn visitor_is_another(&self) -> Option<Farewell> {
        match self.ask_the_door() {
            Err(farewell) => Some(farewell),
            Ok(page) => (self.shelf.revision_for(&page, &self.visitor) != self.revision).then(Farewell::changed),
        }
    }
}

/// What may end a connection.
enum Cause {
    OfTheLease(RowEvent),
    OfTheFactor,
    OfTheShelf,
    Shutdown,
}

/// Resolves at a moment; never, when there is none.
async fn passed(moment: Option<Timestamp>, clock: &dyn Clock) {
    match moment {
        Some(moment) => wait_until(clock, moment).await,
        None => std::future::pending().await,
    }
}
