use std::sync::Arc;

use rocket::State;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};

use crate::audit::Audit;
use crate::auth::{Auth, Scripts};
use crate::connections::Asking;
use crate::domain::{Client, Credential, Member, RootCredential, Visitor};
use crate::live::{Authority, Connection, Holder, Hub, Lease, Position, Seat, Socket};
use crate::pages::Shelf;
use crate::sessions::Sessions;

use super::connected::asking_of;
use super::guards::{Asked, shows_authorization};
use super::refusal::Refusal;
use super::rooms::{Limits, ShuttingDown, Time};

/// What it takes to connect somebody to a page's channel.
#[derive(Clone, Copy)]
pub(super) struct Dial<'r> {
    auth: &'r Auth,
    scripts: &'r Scripts,
    sessions: &'r Sessions,
    limits: &'r Limits,
    shelf: &'r Arc<Shelf>,
    hub: &'r Arc<Hub>,
    time: &'r Time,
    shutting_down: &'r ShuttingDown,
    is_by_header: bool,
    asking: Option<&'r Asking>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Dial<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Self {
            auth: try_outcome!(request.guard::<&State<Arc<Auth>>>().await),
            scripts: try_outcome!(request.guard::<&State<Arc<Scripts>>>().await).inner(),
            limits: try_outcome!(request.guard::<&State<Limits>>().await).inner(),
            sessions: try_outcome!(request.guard::<&State<Sessions>>().await).inner(),
            shelf: try_outcome!(request.guard::<&State<Arc<Shelf>>>().await).inner(),
            hub: try_outcome!(request.guard::<&State<Arc<Hub>>>().await).inner(),
            time: try_outcome!(request.guard::<&State<Time>>().await).inner(),
            shutting_down: try_outcome!(request.guard::<&State<ShuttingDown>>().await).inner(),
            is_by_header: shows_authorization(request),
            asking: asking_of(request),
        })
    }
}

impl<'r> Dial<'r> {
    /// Where a refusal is written down.
    pub(super) fn audit(&self) -> &'r Audit {
        self.auth.audit()
    }

    /// Whether the request shows who it is by an `Authorization` header, which no page can have a browser send to a socket,
    /// and not by a cookie, which browsers send along whoever asks them to.
    pub(super) fn is_by_header(&self) -> bool {
        self.is_by_header
    }

    /// A socket at the channel of that page and those inputs, if the door opens.
    pub(super) fn socket(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        asked: &Asked,
    ) -> Result<Socket, Refusal> {
        let (seat, authority) = self.connect(slug, visitor, client, asked)?;
        Ok(Socket::new(Arc::clone(self.hub), seat, asked.position(), authority, Arc::clone(&self.time.0)))
    }

    /// A stream from the channel of that page and those inputs, if the door opens.
    pub(super) fn stream(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        asked: &Asked,
        position: Option<&Position>,
    ) -> Result<Connection, Refusal> {
        let (seat, authority) = self.connect(slug, visitor, client, asked)?;
        Ok(Connection::new(seat, position, authority, Arc::clone(&self.time.0)))
    }

    /// What to keep for as long as a stream goes on: to the watch over the connections, it is a request that is under way.
    pub(super) fn goes_on(&self) -> Option<Asking> {
        self.asking.map(Asking::another)
    }

    /// Where sockets go on once their request is answered.
    pub(super) fn hub(&self) -> &'r Arc<Hub> {
        self.hub
    }

    fn connect(
        &self,
        slug: &str,
        visitor: &Visitor,
        client: &Client,
        asked: &Asked,
    ) -> Result<(Seat, Authority), Refusal> {
        let shelf_changes = self.shelf.changes();
        let page = self.shelf.open(slug, visitor)?;
        let choice = page.choose(asked.pairs())?;
        let member = visitor.member();
        let place = self.hub.place(holder_of(member, client), member.map(|member| &member.person.id))?;
        let seat = self.hub.sit(&page, &choice)?;
        let lease = member.map_or_else(Lease::default, |member| self.lease_of(member));
        let shelf = Arc::clone(self.shelf);
        let shutdown = self.shutting_down.0.clone();
        Ok((seat, Authority::new(shelf, shelf_changes, page, visitor.clone(), lease, shutdown, place)))
    }

    /// What the member's connection hangs on: all that they proved themselves by, and what that was made from.
    fn lease_of(&self, member: &Member) -> Lease {
        let row = match member.credential.root() {
            RootCredential::Session(session) => Some(self.sessions.watch(session, &member.person)),
            RootCredential::Token(token) => Some(self.scripts.tokens().watch(token, &member.person)),
            RootCredential::Password => None,
        };
        let end = match member.credential {
            Credential::Session(_) | Credential::Token(_) => None,
            Credential::Jwt { expires_at: until, .. } => Some(until),
            // Nobody asks about who came by a password alone, so they say it again as often as others are asked about.
            Credential::Password => Some(self.time.0.now() + self.limits.password_watches),
        };
        Lease { row, end }
    }
}

/// As whom they are counted among those who watch.
fn holder_of(member: Option<&Member>, client: &Client) -> Holder {
    let Some(member) = member else { return Holder::Stranger(client.address()) };
    match member.credential.root() {
        RootCredential::Session(session) => Holder::Session(session),
        RootCredential::Token(token) => Holder::Token(token),
        RootCredential::Password => Holder::Password(client.address()),
    }
}
