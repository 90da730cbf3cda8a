use std::sync::Arc;

use tokio::sync::watch;

use super::capacity::CapacityExceeded;
use super::close_reason::CloseReason;
use super::connection_limiter::ConnectionPermit;
use crate::auth::CredentialWatch;
use crate::domain::{Clock, EndReason, Person, Timestamp, Visitor, wait_until};
use crate::pages::{OpenPage, PageStore};
use crate::store::RowEvent;

/// A live connection's right to continue: watches the credential, the page files and the shutdown that may end it.
pub struct LiveAuthorization {
    page_store: Arc<PageStore>,
    page_changes: watch::Receiver<u64>,
    page: OpenPage,
    visitor: Visitor,
    /// The revision of what this visitor sees: the page, and the navigation around it.
    revision: String,
    credential_watch: CredentialWatch,
    shutdown: watch::Receiver<bool>,
    permit: ConnectionPermit,
}

impl LiveAuthorization {
    /// The right of `visitor` to watch `page`, for as long as the door, the credential and the server last. `page_changes`
    /// must have been subscribed before the page was opened, so that no change in between is missed.
    pub fn new(
        page_store: Arc<PageStore>,
        page_changes: watch::Receiver<u64>,
        page: OpenPage,
        visitor: Visitor,
        credential_watch: CredentialWatch,
        shutdown: watch::Receiver<bool>,
        permit: ConnectionPermit,
    ) -> Self {
        let revision = page_store.revision_for(&page, &visitor);
        Self { page_store, page_changes, page, visitor, revision, credential_watch, shutdown, permit }
    }

    /// The revision of what this visitor sees: the page, and the navigation around it.
    pub(super) fn revision(&self) -> &str {
        &self.revision
    }

    /// Asks the door again, also for other inputs, since whoever changes them subscribes anew.
    ///
    /// # Errors
    /// The reason to close, when the visitor may not see the page any more.
    pub(super) fn reauthorize(&self) -> Result<OpenPage, CloseReason> {
        self.page_store.authorize(self.page.slug.as_str(), &self.visitor).map_err(|denied| CloseReason::page_denied(&denied))
    }

    /// Resolves when the connection must end, with the reason. May be cancelled and called again.
    pub(super) async fn wait_for_end(&mut self, clock: &dyn Clock) -> CloseReason {
        loop {
            let (expires_at, second_factor_until) = (self.credential_watch.expires_at, self.second_factor_until());
            let soonest = expires_at.into_iter().chain(second_factor_until).min();
            let event = tokio::select! {
                biased;
                row_event = self.credential_watch.next_event() => AuthorizationEvent::Credential(row_event),
                _ = self.shutdown.wait_for(|shutting_down| *shutting_down) => AuthorizationEvent::Shutdown,
                _ = self.permit.displaced() => AuthorizationEvent::Displaced,
                () = wait_until_some(soonest, clock) => {
                    if soonest == expires_at { AuthorizationEvent::Credential(RowEvent::Ended(EndReason::Expired)) } else { AuthorizationEvent::SecondFactorExpired }
                }
                // The sender lives in the page store, which this holds.
                _ = self.page_changes.changed() => AuthorizationEvent::PagesChanged,
            };
            let reason = match event {
                AuthorizationEvent::Credential(RowEvent::Ended(reason)) => Some(CloseReason::credential_ended(reason)),
                AuthorizationEvent::Credential(RowEvent::Unconfirmed) => Some(CloseReason::unconfirmed()),
                AuthorizationEvent::Credential(RowEvent::Changed(person)) => self.on_person_changed(person),
                AuthorizationEvent::Shutdown => Some(CloseReason::shutdown(self.permit.viewers())),
                AuthorizationEvent::Displaced => Some(CloseReason::capacity_exceeded(CapacityExceeded::Total.retry_after())),
                AuthorizationEvent::SecondFactorExpired => self.on_second_factor_expired(),
                AuthorizationEvent::PagesChanged => self.on_pages_changed(),
            };
            if let Some(reason) = reason {
                return reason;
            }
        }
    }

    /// Handles a change of the page files. Returns the reason to close, when this page has changed, or may not be seen any more.
    /// That other pages came or went is not worth reloading every board: the navigation follows at the next load.
    fn on_pages_changed(&mut self) -> Option<CloseReason> {
        match self.reauthorize() {
            Err(reason) => Some(reason),
            Ok(page) if page.revision() != self.page.revision() => Some(CloseReason::changed()),
            Ok(page) => {
                self.revision = self.page_store.revision_for(&page, &self.visitor);
                None
            }
        }
    }

    /// Handles the expiry of the second factor. A page that needs one is closed; on any other the navigation shows what is
    /// locked now.
    fn on_second_factor_expired(&mut self) -> Option<CloseReason> {
        if let Visitor::Member(member) = &mut self.visitor {
            member.second_factor_until = None;
        }
        self.recheck_visitor()
    }

    /// Handles a change of the person in the directory. Returns the reason to close, when they may not see the page any more,
    /// or when the navigation around it has changed: then the page is loaded anew with it.
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
            Err(reason) => Some(reason),
            Ok(page) => (self.page_store.revision_for(&page, &self.visitor) != self.revision).then(CloseReason::changed),
        }
    }
}

/// An event that may end a connection.
enum AuthorizationEvent {
    Credential(RowEvent),
    SecondFactorExpired,
    PagesChanged,
    Shutdown,
    /// Somebody who has fewer connections needs its place.
    Displaced,
}

/// Resolves at `moment`; never, when there is none.
async fn wait_until_some(moment: Option<Timestamp>, clock: &dyn Clock) {
    match moment {
        Some(moment) => wait_until(clock, moment).await,
        None => std::future::pending().await,
    }
}
