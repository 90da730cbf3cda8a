use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rocket::State;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket_ws::frame::{CloseCode, CloseFrame};
use rocket_ws::result::{Error, Result as SocketResult};
use rocket_ws::stream::DuplexStream;
use rocket_ws::{Config, Message};
use serde::Deserialize;

use crate::audit::Audit;
use crate::auth::{Auth, Scripts};
use crate::domain::{Member, Proof, Timestamp, Visitor};
use crate::live::{Authority, Connection, Farewell, Hub, Lease, Position, Say, Seat};
use crate::pages::{OpenPage, Shelf};
use crate::sessions::Sessions;

use super::guards::{Asked, shows_authorization};
use super::refusal::Refusal;
use super::rooms::{Limits, ShuttingDown, Time};

/// Clients say little: a pong, or the values of a page's inputs.
const LONGEST_CLIENT_MESSAGE: usize = 16 * 1024;

/// Nobody chooses other inputs more often than this; each choice costs a snapshot. The page's own script sends no more
/// than half as many.
const MOST_CHOICES_A_SECOND: u32 = 8;

/// A socket that takes nothing for this long is given up; the browser comes back by itself.
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// How long the goodbye and the close handshake may take. Past this the connection is cut.
const GOODBYE_PATIENCE: Duration = Duration::from_millis(900);

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

    /// A connection to the channel of that page and those inputs, if the door opens.
    pub(super) fn connect(
        &self,
        slug: &str,
        visitor: &Visitor,
        asked: &Asked,
        position: Option<&Position>,
    ) -> Result<Connection, Refusal> {
        let shelf_changes = self.shelf.changes();
        let page = self.shelf.open(slug, visitor)?;
        let choice = page.choose(asked.pairs())?;
        let seat = self.hub.sit(&page, &choice)?;
        let lease = visitor.member().map_or_else(Lease::default, |member| self.lease_of(member));
        let authority = Authority::new(
            Arc::clone(self.shelf),
            shelf_changes,
            page,
            visitor.clone(),
            lease,
            self.shutting_down.0.clone(),
        );
        let heartbeat = self.hub.settings().heartbeat;
        Ok(Connection::new(seat, position, authority, heartbeat, Arc::clone(&self.time.0)))
    }

    /// What the member's connection hangs on: all that they proved themselves by, and what that was made from.
    fn lease_of(&self, member: &Member) -> Lease {
        let (session, token, until) = match &member.proof {
            Proof::Session(session) => (Some(*session), None, None),
            Proof::Token(token) => (None, Some(*token), None),
            Proof::Signed { session, token, until, .. } => (*session, *token, Some(*until)),
            // Nobody asks about who came by a password alone, so they say it again as often as others are asked about.
            Proof::Password => (None, None, Some(self.time.0.now() + self.limits.password_watches)),
        };
        let mut lease = Lease::default();
        if let Some(session) = session {
            lease = lease.of_session(self.sessions.watch(session, &member.person));
        }
        if let Some(token) = token {
            lease = lease.of_token(self.scripts.tokens().watch(token, &member.person));
        }
        if let Some(until) = until {
            lease = lease.until(Arc::clone(&self.time.0), until);
        }
        lease
    }

    fn sit(&self, page: &OpenPage, values: &Values) -> Result<Seat, Refusal> {
        let choice = page.choose(values.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        Ok(self.hub.sit(page, &choice)?)
    }
}

type Values = std::collections::BTreeMap<String, String>;

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Inputs { values: Values },
    Pong,
}

/// The limits of a client's socket.
pub(super) fn limits() -> Config {
    Config {
        max_message_size: Some(LONGEST_CLIENT_MESSAGE),
        max_frame_size: Some(LONGEST_CLIENT_MESSAGE),
        ..Config::default()
    }
}

/// Carries what the connection says to the socket and what the client says to the connection, until one of them ends.
pub(super) async fn serve(mut stream: DuplexStream, mut connection: Connection, dial: Dial<'_>) -> SocketResult<()> {
    let mut choices = Choices { since: dial.time.0.now(), made: 0 };
    loop {
        tokio::select! {
            say = connection.next() => match say {
                Say::Text { text, .. } => {
                    if let Some(farewell) = send(&mut stream, Message::text(&*text), &mut connection).await? {
                        return say_goodbye(stream, farewell).await;
                    }
                }
                Say::Bye(farewell) => return say_goodbye(stream, farewell).await,
            },
            heard = stream.next() => match heard {
                None => return Ok(()),
                Some(Ok(Message::Binary(_)) | Err(Error::Capacity(_))) => return say_goodbye(stream, ABUSE).await,
                Some(Err(error)) => return Err(error),
                Some(Ok(Message::Text(text))) => {
                    if let Err(farewell) = obey(&text, &mut connection, &mut choices, dial) {
                        return say_goodbye(stream, farewell).await;
                    }
                }
                Some(Ok(_)) => (),
            },
        }
    }
}

/// Says goodbye and closes with the farewell's code, within a second whatever the other side does.
pub(super) async fn say_goodbye(mut stream: DuplexStream, farewell: Farewell) -> SocketResult<()> {
    let close = CloseFrame { code: CloseCode::from(farewell.code), reason: farewell.reason.into() };
    let goodbye = async {
        stream.send(Message::text(&*farewell.text())).await?;
        stream.close(Some(close)).await?;
        // The close handshake ends with the other side's close frame; what else it says is of no interest now.
        while let Some(heard) = stream.next().await {
            heard?;
        }
        Ok(())
    };
    match tokio::time::timeout(GOODBYE_PATIENCE, goodbye).await {
        Ok(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | Err(_) => Ok(()),
        Ok(done) => done,
    }
}

/// Protocol abuse: a message that is none of ours.
const ABUSE: Farewell = Farewell { reason: "protocol", code: 1008, retry: None };

/// Sends one message. A socket that does not take it hears the session's end all the same, and is given up in time.
async fn send(
    stream: &mut DuplexStream,
    message: Message,
    connection: &mut Connection,
) -> SocketResult<Option<Farewell>> {
    let mut sending = stream.send(message);
    let farewell = tokio::select! {
        biased;
        sent = &mut sending => return sent.map(|()| None),
        farewell = connection.ended() => farewell,
        () = tokio::time::sleep(STALLED_AFTER) => return Err(Error::ConnectionClosed),
    };
    // The message before the goodbye gets its chance, but the session's end does not wait for it.
    match tokio::time::timeout(GOODBYE_PATIENCE, sending).await {
        Ok(sent) => sent.map(|()| Some(farewell)),
        Err(_) => Err(Error::ConnectionClosed),
    }
}

/// How often a client chose of late.
struct Choices {
    since: Timestamp,
    made: u32,
}

impl Choices {
    /// Counts one more, unless there were too many within a second.
    fn allow(&mut self, now: Timestamp) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, made: 0 };
        }
        self.made += 1;
        self.made <= MOST_CHOICES_A_SECOND
    }
}

fn obey(text: &str, connection: &mut Connection, choices: &mut Choices, dial: Dial<'_>) -> Result<(), Farewell> {
    match serde_json::from_str(text) {
        Ok(ClientMessage::Pong) => Ok(()),
        Ok(ClientMessage::Inputs { .. }) if !choices.allow(dial.time.0.now()) => Err(ABUSE),
        Ok(ClientMessage::Inputs { values }) => {
            let page = connection.ask_the_door()?;
            let seat = dial.sit(&page, &values).map_err(|refusal| match refusal {
                Refusal::BadRequest(_) => Farewell { reason: "bad-inputs", ..ABUSE },
                _ => Farewell { reason: "crowded", code: 1013, retry: Some(STALLED_AFTER) },
            })?;
            connection.move_to(seat);
            Ok(())
        }
        Err(_) => Err(ABUSE),
    }
}
