use std::sync::Arc;

use rocket::State;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};

use crate::audit::Audit;
use crate::auth::{ApiAuth, Auth};
use crate::connections::InFlightRequest;
use crate::domain::{Client, Credential, Member, RootCredential, Visitor};
use crate::live::{
    ChannelPosition, CredentialWatch, Hub, LiveAuthorization, PermitHolder, SseConnection, Subscription, WsHandler,
};
use crate::pages::PageStore;
use crate::sessions::Sessions;

use super::app_state::{SharedClock, ShutdownSignal, WebLimits};
use super::connection_tracking::in_flight_request;
use super::guards::{QueryParams, has_authorization_header};
use super::refusal::Refusal;

/// Subscribes visitors to a page's live channel, over a socket or a stream.
#[derive(Clone, Copy)]
pub(super) struct LiveSubscriber<'r> {
    auth: &'r Auth,
    api_auth: &'r ApiAuth,
    sessions: &'r Sessions,
    limits: &'r WebLimits,
    page_store: &'r Arc<PageStore>,
    hub: &'r Arc<Hub>,
    clock: &'r SharedClock,
    shutdown: &'r ShutdownSignal,
    has_authorization_header: bool,
    in_flight: Option<&'r InFlightRequest>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LiveSubscriber<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Self {
            auth: try_outcome!(request.guard::<&State<Arc<Auth>>>().await),
            api_auth: try_outcome!(request.guard::<&State<Arc<ApiAuth>>>().await).inner(),
            limits: try_outcome!(request.guard::<&State<WebLimits>>().await).inner(),
            sessions: try_outcome!(request.guard::<&State<Sessions>>().await).inner(),
            page_store: try_outcome!(request.guard::<&State<Arc<PageStore>>>().await).inner(),
            hub: try_outcome!(request.guard::<&State<Arc<Hub>>>().await).inner(),
            clock: try_outcome!(request.guard::<&State<SharedClock>>().await).inner(),
            shutdown: try_outcome!(request.guard::<&State<ShutdownSignal>>().await).inner(),
            has_authorization_header: has_authorization_header(request),
            in_flight: in_flight_request(request),
        })
    }
}

impl<'r> LiveSubscriber<'r> {
    /// The audit, for refusals.
    pub(super) fn audit(&self) -> &'r Audit {
        self.auth.audit()
    }

    /// Whether the request authenticates by an `Authorization` header, which no page can have a browser send to a
    /// socket, and not by a cookie, which browsers send along whoever asks them to.
    pub(super) fn has_authorization_header(&self) -> bool {
        self.has_authorization_header
    }

    /// Opens a socket on the channel of that page and those inputs, if the visitor may open the page.
    pub(super) fn open_socket(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
    ) -> Result<WsHandler, Refusal> {
        let (subscription, authorization) = self.subscribe(slug, visitor, client, params)?;
        Ok(WsHandler::new(
            Arc::clone(self.hub),
            subscription,
            params.resume_position(),
            authorization,
            Arc::clone(&self.clock.0),
        ))
    }

    /// Opens a stream from the channel of that page and those inputs, if the visitor may open the page.
    pub(super) fn open_stream(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
        position: Option<&ChannelPosition>,
    ) -> Result<SseConnection, Refusal> {
        let (subscription, authorization) = self.subscribe(slug, visitor, client, params)?;
        Ok(SseConnection::new(subscription, position, authorization, Arc::clone(&self.clock.0)))
    }

    /// The request in flight, to be kept for as long as a stream goes on: the connection table counts it as one.
    pub(super) fn in_flight_request(&self) -> Option<InFlightRequest> {
        self.in_flight.map(InFlightRequest::duplicate)
    }

    /// The hub, which runs sockets once their request is answered.
    pub(super) fn hub(&self) -> &'r Arc<Hub> {
        self.hub
    }

    fn subscribe(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
    ) -> Result<(Subscription, LiveAuthorization), Refusal> {
        let page_changes = self.page_store.subscribe();
        let page = self.page_store.authorize(slug, visitor)?;
        let choice = page.choose(params.pairs())?;
        let member = visitor.member();
        let permit = self.hub.acquire_permit(permit_holder(member, client), member.map(|member| &member.person.id))?;
        let subscription = self.hub.subscribe(&page, &choice)?;
        let credential_watch = member.map_or_else(CredentialWatch::default, |member| self.credential_watch(member));
        let page_store = Arc::clone(self.page_store);
        let shutdown = self.shutdown.0.clone();
        Ok((
            subscription,
            LiveAuthorization::new(page_store, page_changes, page, visitor.clone(), credential_watch, shutdown, permit),
        ))
    }

    /// Watches the credentials that a member's connection rests on: the one presented, and the one it was made from.
    fn credential_watch(&self, member: &Member) -> CredentialWatch {
        let row = match member.credential.root() {
            RootCredential::Session(session) => Some(self.sessions.watch(session, &member.person)),
            RootCredential::Token(token) => Some(self.api_auth.tokens().watch(token, &member.person)),
            RootCredential::Password => None,
        };
        let end = match member.credential {
            Credential::Session(_) | Credential::Token(_) => None,
            Credential::Jwt { expires_at: until, .. } => Some(until),
            // Nobody refreshes who came by a password alone, so they authenticate again as often as others are refreshed.
            Credential::Password => Some(self.clock.0.now() + self.limits.password_connection_lifetime),
        };
        CredentialWatch { row, expires_at: end }
    }
}

/// The holder that a visitor's connections are counted by.
fn permit_holder(member: Option<&Member>, client: &Client) -> PermitHolder {
    let Some(member) = member else { return PermitHolder::Anonymous(client.address()) };
    match member.credential.root() {
        RootCredential::Session(session) => PermitHolder::Session(session),
        RootCredential::Token(token) => PermitHolder::Token(token),
        RootCredential::Password => PermitHolder::Password(client.address()),
    }
}
