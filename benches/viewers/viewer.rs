//! One who watches: the handshake, then frames, and what a browser does when the connection ends.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use crate::load::{Ledger, Place};
use crate::tally;
use crate::wire::{Frame, Kind, PONG, Rest};

/// From how many addresses the viewers of one process come.
const ADDRESSES: usize = 200;

/// What a stalled viewer has room for.
const LITTLE: u32 = 4096;

/// The largest segment on an Ethernet. Over loopback it would be 64 KiB, and so the system's own buffers far larger than
/// anybody's who is stalled at the end of a real line.
const SEGMENT: u32 = 1460;

/// Where a viewer is in the page's story.
struct Position {
    epoch: String,
    seq: u64,
}

/// How a connection ended.
enum End {
    /// By this side.
    Cut,
    /// With a goodbye, which says when to come back.
    Bye(Duration),
    /// Otherwise.
    Broken,
}

/// Watches a place, and comes back whatever happens, as pages do.
pub(crate) async fn watches_for_ever(n: usize, place: Place, ledger: Rc<Ledger>) {
    let mut position = None;
    loop {
        let end = visit(n, &place, &ledger, &mut position).await.unwrap_or(End::Broken);
        // Nobody's wait is another's: those who were turned away together do not come together.
        let aside = Duration::from_millis(100 + u64::try_from(n % 200).unwrap_or(0));
        match end {
            End::Cut => {}
            End::Bye(retry) => tokio::time::sleep(retry).await,
            End::Broken => {
                ledger.tally.borrow_mut().lost += 1;
                tokio::time::sleep(aside).await;
            }
        }
    }
}

async fn visit(n: usize, place: &Place, ledger: &Ledger, position: &mut Option<Position>) -> io::Result<End> {
    let mut cut = ledger.cut.subscribe();
    let arriving = ledger.arriving.acquire().await.map_err(io::Error::other)?;
    let socket = socket_of(n, ledger.process)?;
    let mut stream = socket.connect(ledger.server).await?;
    stream.write_all(request(ledger.server, place, position.as_ref()).as_bytes()).await?;
    let mut rest = Rest::default();
    let mut told = Told { ledger, position, is_new: true, is_asked: false, bye: None };
    read_head(&mut stream, &mut rest, &mut told).await?;
    let mut arriving = Some(arriving);
    let mut cut = pin!(cut.changed());
    loop {
        if !told.is_new {
            arriving = None;
        }
        if let Some(bye) = told.bye {
            return Ok(End::Bye(bye));
        }
        if std::mem::take(&mut told.is_asked) {
            stream.write_all(PONG).await?;
        }
        let go_on = std::future::poll_fn(|cx| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(false));
            }
            // A read that does not fill the buffer is known to have been the last: no second one asks whether there is more.
            let mut buffer = ledger.buffer.borrow_mut();
            let mut buffer = ReadBuf::new(&mut buffer);
            std::task::ready!(Pin::new(&mut stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            told.take(&mut rest, buffer.filled());
            Poll::Ready(Ok::<_, io::Error>(true))
        });
        if !go_on.await? {
            drop(arriving);
            return Ok(End::Cut);
        }
    }
}

/// What the frames of one connection do.
struct Told<'a> {
    ledger: &'a Ledger,
    position: &'a mut Option<Position>,
    /// Whether nothing but the greeting was heard.
    is_new: bool,
    /// Whether an answer is owed to a ping.
    is_asked: bool,
    bye: Option<Duration>,
}

impl Told<'_> {
    fn take(&mut self, rest: &mut Rest, read: &[u8]) {
        let now = tally::now();
        rest.take(read, |frame| {
            self.frame(frame, now);
            self.bye.is_none()
        });
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Duration) {
        let seq = frame.number("\"seq\":").unwrap_or(0);
        let mut tally = self.ledger.tally.borrow_mut();
        match frame.kind {
            Kind::Hello => {
                let epoch = frame.words("\"epoch\":\"").unwrap_or_default();
                if self.position.as_ref().is_none_or(|position| position.epoch != epoch) {
                    *self.position = Some(Position { epoch: epoch.to_owned(), seq: 0 });
                }
                return;
            }
            Kind::Snapshot => tally.snapshots += 1,
            Kind::Batch => {
                let before = self.position.as_ref().map_or(0, |position| position.seq);
                tally.gaps += usize::from(before > 0 && seq != before + 1);
                let number = |key| frame.number(key).unwrap_or(0);
                tally.batch(frame.length, number("\"at\":"), number("\"sent\":"), now);
            }
            Kind::Bye => {
                self.bye = Some(Duration::from_millis(frame.number("\"retry_ms\":").unwrap_or(0)));
                return;
            }
            Kind::Ping => {
                self.is_asked = true;
                return;
            }
            Kind::Other => return,
        }
        if let Some(position) = self.position {
            position.seq = seq;
        }
        drop(tally);
        if std::mem::take(&mut self.is_new) {
            self.ledger.one_is_back();
        }
    }
}

/// Reads the answer to the handshake; what came behind it is taken.
async fn read_head(stream: &mut TcpStream, rest: &mut Rest, told: &mut Told<'_>) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            if !head.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other("not let in"));
            }
            told.take(rest, &head[end + 4..]);
            return Ok(());
        }
    }
}

/// Asks for a page's channel, with room for little, and reads nothing of what comes.
pub(crate) async fn asks_and_takes_nothing(
    n: usize,
    place: &Place,
    server: SocketAddr,
    process: u8,
) -> io::Result<TcpStream> {
    let socket = socket_of(n, process)?;
    socket.set_recv_buffer_size(LITTLE)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    let mut stream = socket.connect(server).await?;
    stream.write_all(request(server, place, None).as_bytes()).await?;
    Ok(stream)
}

/// Colleagues come from addresses of their own. So there is a port for every connection, also for those of a moment ago.
fn socket_of(n: usize, process: u8) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(1 + n % ADDRESSES).unwrap_or(1);
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, process, last)), 0))?;
    Ok(socket)
}

fn request(server: SocketAddr, place: &Place, position: Option<&Position>) -> String {
    let Place { slug, token } = place;
    let resume = position
        .filter(|position| position.seq > 0)
        .map_or_else(String::new, |Position { epoch, seq }| format!("?epoch={epoch}&seq={seq}"));
    let cookie = if token.is_empty() { String::new() } else { format!("Cookie: belvedere={token}\r\n") };
    // The key is the one of RFC 6455, 1.3; nobody here doubts the answer.
    format!(
        "GET /live/{slug}{resume} HTTP/1.1\r\nHost: {server}\r\nOrigin: http://{server}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {cookie}\r\n"
    )
}
