use std::convert::Infallible;
use std::sync::Arc;

use rocket::request::{FromRequest, Outcome, Request};

use crate::audit::Audit;
use crate::connections::InFlightRequest;
use crate::domain::{Client, Credential, Member, RootCredential, Visitor};
use crate::live::{
    ChannelPosition, CredentialWatch, Hub, LiveAuthorization, PermitHolder, SseConnection, Subscription, WsHandler,
};

use super::AppState;
use super::connection_tracking::in_flight_request;
use super::guards::{QueryParams, has_authorization_header};
use super::refusal::Refusal;

/// Subscribes visitors to a page's live channel, over a socket or a stream.
#[derive(Clone, Copy)]
pub(super) struct LiveSubscriber<'r> {
    state: &'r AppState,
    has_authorization_header: bool,
    in_flight: Option<&'r InFlightRequest>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LiveSubscriber<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self {
            state: AppState::of(request),
            has_authorization_header: has_authorization_header(request),
            in_flight: in_flight_request(request),
        })
    }
}

impl<'r> LiveSubscriber<'r> {
    /// The audit, for refusals.
    pub(super) fn audit(&self) -> &'r Audit {
        self.state.auth.audit()
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
            Arc::clone(&self.state.hub),
            subscription,
            params.resume_position(),
            authorization,
            Arc::clone(&self.state.clock),
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
        Ok(SseConnection::new(subscription, position, authorization, Arc::clone(&self.state.clock)))
    }

    /// The request in flight, to be kept for as long as a stream goes on: the connection table counts it as one.
    pub(super) fn in_flight_request(&self) -> Option<InFlightRequest> {
        self.in_flight.map(InFlightRequest::duplicate)
    }

    /// The hub, which runs sockets once their request is answered.
    pub(super) fn hub(&self) -> &'r Arc<Hub> {
        &self.state.hub
    }

    fn subscribe(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
    ) -> Result<(Subscription, LiveAuthorization), Refusal> {
        let AppState { page_store, hub, shutdown, .. } = self.state;
        let page_changes = page_store.subscribe();
        let page = page_store.authorize(slug, visitor)?;
        let choice = page.choose(params.pairs())?;
        let member = visitor.member();
        let permit = hub.acquire_permit(permit_holder(member, client), member.map(|member| &member.person.id))?;
        let subscription = hub.subscribe(&page, &choice)?;
        let credential_watch = member.map_or_else(CredentialWatch::default, |member| self.credential_watch(member));
        let (page_store, shutdown) = (Arc::clone(page_store), shutdown.clone());
        Ok((
            subscription,
            LiveAuthorization::new(page_store, page_changes, page, visitor.clone(), credential_watch, shutdown, permit),
        ))
    }

    /// Watches the credentials that a member's connection rests on: the one presented, and the one it was made from.
    fn credential_watch(&self, member: &Member) -> CredentialWatch {
        let row = match member.credential.root() {
            RootCredential::Session(session) => Some(self.state.sessions.watch(session, &member.person)),
            RootCredential::Token(token) => Some(self.state.api_auth.tokens().watch(token, &member.person)),
            RootCredential::Password => None,
        };
        let end = match member.credential {
            Credential::Session(_) | Credential::Token(_) => None,
            Credential::Jwt { expires_at: until, .. } => Some(until),
            // Nobody refreshes who came by a password alone, so they authenticate again as often as others are refreshed.
            Credential::Password => Some(self.state.clock.now() + self.state.settings.sessions.refresh),
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
