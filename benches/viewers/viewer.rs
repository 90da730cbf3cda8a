//! One viewer: the handshake, then frames, and reconnecting as a browser does.

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

use crate::shared_state::{SharedState, ViewerSpec};
use crate::tally;
use crate::wire::{Frame, FrameBuffer, MessageKind, PONG};

/// The number of addresses that the viewers of one process connect from.
const ADDRESSES: usize = 200;

/// The receive buffer of a stalled viewer.
const RECEIVE_BUFFER_BYTES: u32 = 4096;

/// The TCP segment size of an Ethernet. Over loopback it would be 64 KiB, and so the system's own buffers far larger than
/// anybody's who is stalled at the end of a real line.
const SEGMENT: u32 = 1460;

/// A viewer's position in the channel.
struct Position {
    epoch: String,
    seq: u64,
}

/// The end of a connection.
enum ConnectionEnd {
    /// Cut by this side.
    Cut,
    /// Announced by a `bye`, with the delay before reconnecting.
    Bye(Duration),
    /// Lost in any other way.
    Broken,
}

/// Watches a page, and reconnects whatever happens, as browsers do.
pub(crate) async fn watch_forever(n: usize, spec: ViewerSpec, shared: Rc<SharedState>) {
    let mut position = None;
    // All begin at the first one. Those that lose it are spread over the others, as a balancer spreads them.
    let mut tries = 0;
    loop {
        let at = if tries == 0 { 0 } else { 1 + (n + tries) % (shared.servers.len() - 1).max(1) };
        let server = shared.servers[at % shared.servers.len()];
        let end = run_connection(n, server, &spec, &shared, &mut position).await.unwrap_or(ConnectionEnd::Broken);
        // Nobody's wait is another's: those who were turned away together do not come together.
        let aside = Duration::from_millis(100 + u64::try_from(n % 200).unwrap_or(0));
        if !matches!(end, ConnectionEnd::Cut) {
            tries += 1;
        }
        match end {
            ConnectionEnd::Cut => {}
            ConnectionEnd::Bye(retry) => tokio::time::sleep(retry).await,
            ConnectionEnd::Broken => {
                shared.tally.borrow_mut().lost += 1;
                tokio::time::sleep(aside).await;
            }
        }
    }
}

async fn run_connection(
    n: usize,
    server: SocketAddr,
    spec: &ViewerSpec,
    shared: &SharedState,
    position: &mut Option<Position>,
) -> io::Result<ConnectionEnd> {
    let mut cut = shared.cut.subscribe();
    let arriving = shared.arriving.acquire().await.map_err(io::Error::other)?;
    let socket = bind_socket(n, shared.process)?;
    let mut stream = socket.connect(server).await?;
    stream.write_all(request(server, spec, position.as_ref()).as_bytes()).await?;
    let mut rest = FrameBuffer::default();
    let mut handler = FrameHandler { shared, position, is_new: true, owes_pong: false, bye: None };
    read_head(&mut stream, &mut rest, &mut handler).await?;
    let mut arriving = Some(arriving);
    let mut cut = pin!(cut.changed());
    loop {
        if !handler.is_new {
            arriving = None;
        }
        if let Some(bye) = handler.bye {
            return Ok(ConnectionEnd::Bye(bye));
        }
        if std::mem::take(&mut handler.owes_pong) {
            stream.write_all(PONG).await?;
        }
        let go_on = std::future::poll_fn(|cx| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(false));
            }
            // A read that does not fill the buffer is known to have been the last: no second one asks whether there is more.
            let mut buffer = shared.buffer.borrow_mut();
            let mut buffer = ReadBuf::new(&mut buffer);
            std::task::ready!(Pin::new(&mut stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            handler.receive(&mut rest, buffer.filled());
            Poll::Ready(Ok::<_, io::Error>(true))
        });
        if !go_on.await? {
            drop(arriving);
            return Ok(ConnectionEnd::Cut);
        }
    }
}

/// Handles the frames of one connection.
struct FrameHandler<'a> {
    shared: &'a SharedState,
    position: &'a mut Option<Position>,
    /// Whether nothing but the `hello` was received.
    is_new: bool,
    /// Whether a ping is still to be answered.
    owes_pong: bool,
    bye: Option<Duration>,
}

impl FrameHandler<'_> {
    fn receive(&mut self, rest: &mut FrameBuffer, read: &[u8]) {
        let now = tally::now();
        rest.push(read, |frame| {
            self.frame(frame, now);
            self.bye.is_none()
        });
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Duration) {
        let seq = frame.number("\"seq\":").unwrap_or(0);
        let mut tally = self.shared.tally.borrow_mut();
        match frame.kind {
            MessageKind::Hello => {
                let epoch = frame.string("\"epoch\":\"").unwrap_or_default();
                if self.position.as_ref().is_none_or(|position| position.epoch != epoch) {
                    *self.position = Some(Position { epoch: epoch.to_owned(), seq: 0 });
                }
                return;
            }
            MessageKind::Snapshot => tally.snapshots += 1,
            MessageKind::Batch => {
                let before = self.position.as_ref().map_or(0, |position| position.seq);
                tally.gaps += usize::from(before > 0 && seq != before + 1);
                let number = |key| frame.number(key).unwrap_or(0);
                tally.batch(frame.length, number("\"at\":"), number("\"sent\":"), now);
            }
            MessageKind::Bye => {
                self.bye = Some(Duration::from_millis(frame.number("\"retry_ms\":").unwrap_or(0)));
                return;
            }
            MessageKind::Ping => {
                self.owes_pong = true;
                return;
            }
            MessageKind::Other => return,
        }
        if let Some(position) = self.position {
            position.seq = seq;
        }
        drop(tally);
        if std::mem::take(&mut self.is_new) {
            self.shared.viewer_is_back();
        }
    }
}

/// Reads the response to the handshake, and handles the frames behind it.
async fn read_head(stream: &mut TcpStream, rest: &mut FrameBuffer, handler: &mut FrameHandler<'_>) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            if !head.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other("not let in"));
            }
            handler.receive(rest, &head[end + 4..]);
            return Ok(());
        }
    }
}

/// Connects to a page's channel with a small receive buffer, and reads nothing.
pub(crate) async fn connect_stalled(n: usize, spec: &ViewerSpec, server: SocketAddr, process: u8) -> io::Result<TcpStream> {
    let socket = bind_socket(n, process)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    let mut stream = socket.connect(server).await?;
    stream.write_all(request(server, spec, None).as_bytes()).await?;
    Ok(stream)
}

/// Binds a socket to the viewer's own address, so that there is a free port for every connection, also right after a cut.
fn bind_socket(n: usize, process: u8) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(1 + n % ADDRESSES).unwrap_or(1);
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, process, last)), 0))?;
    Ok(socket)
}

fn request(server: SocketAddr, spec: &ViewerSpec, position: Option<&Position>) -> String {
    let ViewerSpec { slug, token } = spec;
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
