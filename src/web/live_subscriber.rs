use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rocket::request::{FromRequest, Outcome, Request};

use crate::audit::Audit;
use crate::auth::CredentialWatch;
use crate::connections::InFlightRequest;
use crate::domain::{Client, Holder, Member, Network, RootCredential, Visitor};
use crate::live::{ChannelPosition, Hub, LiveAuthorization, PermitHolder, SseConnection, Subscription, WsHandler};

use super::AppState;
use super::connection_tracking::in_flight_request;
use super::guards::QueryParams;
use super::refusal::Refusal;

/// How long a connection waits for the bus to say where the channel stands: longer than the bus may take to answer.
const BUS_TIMEOUT: Duration = Duration::from_secs(3);

/// Subscribes visitors to a page's live channel, over a socket or a stream.
#[derive(Clone, Copy)]
pub(super) struct LiveSubscriber<'r> {
    state: &'r AppState,
    in_flight: Option<&'r InFlightRequest>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LiveSubscriber<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self { state: AppState::of(request), in_flight: in_flight_request(request) })
    }
}

impl<'r> LiveSubscriber<'r> {
    /// The audit, for refusals.
    pub(super) fn audit(&self) -> &'r Audit {
        self.state.auth.audit()
    }

    /// Opens a socket on the channel of that page and those inputs, if the visitor may open the page.
    pub(super) async fn open_socket(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
    ) -> Result<WsHandler, Refusal> {
        let (subscription, authorization) = self.subscribe(slug, visitor, client, params).await?;
        Ok(WsHandler::new(
            Arc::clone(&self.state.hub),
            subscription,
            params.resume_position(),
            authorization,
            Arc::clone(&self.state.clock),
        ))
    }

    /// Opens a stream from the channel of that page and those inputs, if the visitor may open the page.
    pub(super) async fn open_stream(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
        position: Option<&ChannelPosition>,
    ) -> Result<SseConnection, Refusal> {
        let (subscription, authorization) = self.subscribe(slug, visitor, client, params).await?;
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

    async fn subscribe(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        params: &QueryParams,
    ) -> Result<(Subscription, LiveAuthorization), Refusal> {
        let AppState { authenticator, page_store, hub, shutdown, .. } = self.state;
        let page_changes = page_store.subscribe();
        let page = page_store.authorize(slug, visitor)?;
        let choice = page.choose(params.pairs())?;
        let member = visitor.member();
        let person = member.map(|member| &member.person.id);
        let permit = hub.acquire_permit(permit_holder(member, client), person)?;
        let subscription = hub.subscribe(&page, &choice, &Holder::of(person, client.address()))?;
        subscription.wait_until_decided(BUS_TIMEOUT).await;
        let credential_watch = member.map_or_else(CredentialWatch::default, |member| authenticator.watch(member));
        let (page_store, shutdown) = (Arc::clone(page_store), shutdown.clone());
        Ok((
            subscription,
            LiveAuthorization::new(page_store, page_changes, page, visitor.clone(), credential_watch, shutdown, permit),
        ))
    }
}

/// The holder that a visitor's connections are counted by.
fn permit_holder(member: Option<&Member>, client: &Client) -> PermitHolder {
    let network = Network::narrowest_of(client.address());
    let Some(member) = member else { return PermitHolder::Anonymous(network) };
    match member.credential.root {
        RootCredential::Session(session) => PermitHolder::Session(session),
        RootCredential::Token(token) => PermitHolder::Token(token),
        RootCredential::PerRequest => PermitHolder::Password(network),
    }
}
