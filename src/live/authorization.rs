use std::sync::Arc;

use tokio::sync::watch;

use super::close_reason::CloseReason;
use super::connection_limiter::ConnectionPermit;
use super::credential_watch::CredentialWatch;
use crate::domain::{Clock, EndReason, Person, Timestamp, Visitor, wait_until};
use crate::pages::{OpenPage, PageStore};
use crate::store::RowEvent;

/// What gives a connection the right to go on, and hears when it is gone.
pub struct LiveAuthorization {
    shelf: Arc<PageStore>,
    shelf_changes: watch::Receiver<u64>,
    page: OpenPage,
    visitor: Visitor,
    /// What this visitor sees: of the page, and of the bar around it.
    revision: String,
    credential_watch: CredentialWatch,
    shutdown: watch::Receiver<bool>,
    permit: ConnectionPermit,
}

impl LiveAuthorization {
    /// The right of `visitor` to watch `page`, for as long as the door, the `lease` and the server last. `shelf_changes`
    /// must have been subscribed before the page was opened, so that no change in between goes unheard.
    pub fn new(
        shelf: Arc<PageStore>,
        shelf_changes: watch::Receiver<u64>,
        page: OpenPage,
        visitor: Visitor,
        credential_watch: CredentialWatch,
        shutdown: watch::Receiver<bool>,
        permit: ConnectionPermit,
    ) -> Self {
        let revision = shelf.revision_for(&page, &visitor);
        Self { shelf, shelf_changes, page, visitor, revision, credential_watch, shutdown, permit }
    }

    /// What this visitor sees: of the page, and of the bar around it.
    pub(super) fn revision(&self) -> &str {
        &self.revision
    }

    /// Asks the door again, since whoever changes the inputs subscribes anew.
    ///
    /// # Errors
    /// The goodbye, when the visitor may not see the page any more.
    pub(super) fn reauthorize(&self) -> Result<OpenPage, CloseReason> {
        self.shelf.authorize(self.page.slug.as_str(), &self.visitor).map_err(|closed| CloseReason::page_denied(&closed))
    }

    /// Resolves when the connection must end, whatever its line is doing. May be cancelled and asked again.
    pub(super) async fn wait_for_end(&mut self, clock: &dyn Clock) -> CloseReason {
        loop {
            let (end, factor_until) = (self.credential_watch.expires_at, self.second_factor_until());
            let soonest = end.into_iter().chain(factor_until).min();
            let heard = tokio::select! {
                biased;
                news = self.credential_watch.next_event() => AuthorizationEvent::Credential(news),
                _ = self.shutdown.wait_for(|shutting_down| *shutting_down) => AuthorizationEvent::Shutdown,
                () = wait_until_some(soonest, clock) => {
                    if soonest == end { AuthorizationEvent::Credential(RowEvent::Ended(EndReason::Expired)) } else { AuthorizationEvent::SecondFactorExpired }
                }
                // The sender lives in the shelf, which this holds.
                _ = self.shelf_changes.changed() => AuthorizationEvent::PagesChanged,
            };
            let farewell = match heard {
                AuthorizationEvent::Credential(RowEvent::Ended(reason)) => Some(CloseReason::credential_ended(reason)),
                AuthorizationEvent::Credential(RowEvent::Unconfirmed) => Some(CloseReason::unconfirmed()),
                AuthorizationEvent::Credential(RowEvent::Changed(person)) => self.on_person_changed(person),
                AuthorizationEvent::Shutdown => Some(CloseReason::shutdown(self.permit.viewers())),
                AuthorizationEvent::SecondFactorExpired => self.on_second_factor_expired(),
                AuthorizationEvent::PagesChanged => self.on_pages_changed(),
            };
            if let Some(farewell) = farewell {
                return farewell;
            }
        }
    }

    /// The goodbye, when the page is another one by now, or may not be seen any more. That other pages came or went is
    /// not worth a new start of every board: the bar follows at the next.
    fn on_pages_changed(&mut self) -> Option<CloseReason> {
        match self.reauthorize() {
            Err(farewell) => Some(farewell),
            Ok(page) if page.revision() != self.page.revision() => Some(CloseReason::changed()),
            Ok(page) => {
                self.revision = self.shelf.revision_for(&page, &self.visitor);
                None
            }
        }
    }

    /// Asks the door again for somebody whose second factor was shown too long ago: for a page that needs one, that is the
    /// end. On any other the bar shows what is locked now.
    fn on_second_factor_expired(&mut self) -> Option<CloseReason> {
        if let Visitor::Member(member) = &mut self.visitor {
            member.second_factor_until = None;
        }
        self.recheck_visitor()
    }

    /// Asks the door again for somebody whom the directory describes anew. The goodbye, when they may not see the page
    /// any more, or when the bar around it is another one by now: then the page is loaded anew with it.
    fn on_person_changed(&mut self, person: Person) -> Option<CloseReason> {
        if let Visitor::Member(member) = &mut self.visitor {
            member.person = person;
        }
        self.recheck_visitor()
    }

    fn second_factor_until(&self) -> Option<Timestamp> {
        self.visitor.member().and_then(|member| member.second_factor_until)
    }

    fn recheck_visitor(&self) -> Option<CloseReason> {
        match self.reauthorize() {
            Err(farewell) => Some(farewell),
            Ok(page) => (self.shelf.revision_for(&page, &self.visitor) != self.revision).then(CloseReason::changed),
        }
    }
}

/// What may end a connection.
enum AuthorizationEvent {
    Credential(RowEvent),
    SecondFactorExpired,
    PagesChanged,
    Shutdown,
}

/// Resolves at a moment; never, when there is none.
async fn wait_until_some(moment: Option<Timestamp>, clock: &dyn Clock) {
    match moment {
        Some(moment) => wait_until(clock, moment).await,
        None => std::future::pending().await,
    }
}
