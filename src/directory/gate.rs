//! What stands between a server and the LDAP library: only well-formed messages come through.
//!
//! The library reads BER by recursion and without a limit, so a message of a few kilobytes, nested deep, would overflow
//! the stack and end the whole process, and one that claims to be gigabytes long would be waited for. Here each message
//! is looked over before it is passed on. It is passed through a pair of connected sockets, as the library takes nothing
//! else; that also leaves TLS to us.

use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::UnixStream;
use zeroize::{Zeroize as _, Zeroizing};

/// The largest message that is taken: a thousand entries with some kilobytes each, times a few.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// LDAP's deepest message, a filter that is echoed by nobody, has some ten levels.
const DEEPEST: usize = 32;

/// What is read at once, unless a message is longer.
const READ_AT_ONCE: usize = 8 * 1024;

/// A gate that is kept, for as long as this is polled.
pub(super) type Gate = BoxFuture<'static, ()>;

/// What is taken of the library's requests at once: most are shorter.
const ASKED_AT_ONCE: usize = 4 * 1024;

/// Says, once it is over, what was wrong with the server's words.
pub(super) type Verdict = Arc<OnceLock<NotLdap>>;

/// Bytes that are no LDAP message (RFC 4511, 5.1: definite lengths, and BER of few levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotLdap {
    #[error("its answer is not LDAP as RFC 4511 has it")]
    Malformed,
    #[error("its answer is longer than {LARGEST_MESSAGE} bytes")]
    TooLong,
    #[error("its answer is nested deeper than LDAP ever is")]
    TooDeep,
}

/// Passes on what either side says until one of them hangs up, or the server says what is not LDAP.
pub(super) async fn keep<Server>(server: Server, library: UnixStream, verdict: Verdict)
where
    Server: AsyncRead + AsyncWrite + Send,
{
    let (mut hears, mut says) = split(server);
    let (mut asks, mut learns) = library.into_split();
    tokio::select! {
        () = pass_requests(&mut asks, &mut says) => {}
        not_ldap = pass_messages(&mut hears, &mut learns) => {
            if let Some(not_ldap) = not_ldap {
                verdict.get_or_init(|| not_ldap);
            }
        }
    }
    // A courtesy (RFC 8446, 6.1): whether the server hears it makes no difference here.
    let _ = says.shutdown().await;
}

/// Passes on what the library asks, until either side hangs up. There may be a password in it, so nothing of it is left
/// behind once it is sent.
async fn pass_requests(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut asked = Zeroizing::new([0; ASKED_AT_ONCE]);
    loop {
        let length = match from.read(&mut *asked).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let sent = to.write_all(&asked[..length]).await;
        asked[..length].zeroize();
        if sent.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// Passes on whole messages, until either side hangs up or what comes is none.
async fn pass_messages(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> Option<NotLdap> {
    let mut heard = Vec::with_capacity(READ_AT_ONCE);
    loop {
        heard.reserve(READ_AT_ONCE);
        match from.read_buf(&mut heard).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        let mut passed = 0;
        loop {
            match message(&heard[passed..]) {
                Ok(Some(length)) => passed += length,
                Ok(None) => break,
                Err(not_ldap) => return Some(not_ldap),
            }
        }
        if passed > 0 {
            to.write_all(&heard[..passed]).await.ok()?;
            heard.drain(..passed);
        }
    }
}

/// The length of the message at the beginning of `bytes`; `None` when it has not come whole.
///
/// # Errors
/// When no bytes that follow could make it a message.
pub(super) fn message(bytes: &[u8]) -> Result<Option<usize>, NotLdap> {
    const SEQUENCE: u8 = 0x30;
    match bytes.first() {
        None => return Ok(None),
        Some(&SEQUENCE) => {}
        Some(_) => return Err(NotLdap::Malformed),
    }
    let Some(header) = header(bytes)? else { return Ok(None) };
    let length = header.length.checked_add(header.content).ok_or(NotLdap::TooLong)?;
    if length > LARGEST_MESSAGE {
        return Err(NotLdap::TooLong);
    }
    let Some(whole) = bytes.get(..length) else { return Ok(None) };
    envelope(&whole[header.length..])?;
    elements(&whole[header.length..])?;
    Ok(Some(length))
}

/// How long the element at the beginning of `bytes` is: its first octets, and its content.
pub(super) fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    header(bytes).ok().flatten().map(|header| (header.length, header.content))
}

/// An element's first octets.
struct Header {
    constructed: bool,
    /// How many octets they are.
    length: usize,
    /// How many octets follow them.
    content: usize,
}

/// Reads an element's tag and length (X.690, 8.1.2 and 8.1.3); `None` when they have not come whole.
fn header(bytes: &[u8]) -> Result<Option<Header>, NotLdap> {
    const CONSTRUCTED: u8 = 0x20;
    const TAG_NUMBER: u8 = 0x1f;
    /// Enough for the largest message that is taken.
    const MOST_LENGTH_OCTETS: usize = 4;
    let [tag, length, rest @ ..] = bytes else { return Ok(None) };
    // LDAP has no tag numbers beyond 30, which would take more octets.
    if tag & TAG_NUMBER == TAG_NUMBER {
        return Err(NotLdap::Malformed);
    }
    let constructed = tag & CONSTRUCTED != 0;
    if *length < 0x80 {
        return Ok(Some(Header { constructed, length: 2, content: usize::from(*length) }));
    }
    // 0x80 is the indefinite form, which LDAP forbids.
    let octets = usize::from(length & 0x7f);
    if octets == 0 || octets == 0x7f {
        return Err(NotLdap::Malformed);
    }
    if octets > MOST_LENGTH_OCTETS {
        return Err(NotLdap::TooLong);
    }
    let Some(octets) = rest.get(..octets) else { return Ok(None) };
    let content = octets.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
    Ok(Some(Header { constructed, length: 2 + octets.len(), content }))
}

/// A message's id, and something behind it (RFC 4511, 4.1.1).
fn envelope(content: &[u8]) -> Result<(), NotLdap> {
    const INTEGER: u8 = 0x02;
    let id = header(content)?.filter(|_| content[0] == INTEGER).ok_or(NotLdap::Malformed)?;
    let behind = id.length + id.content;
    if (1..=4).contains(&id.content) && content.len() > behind { Ok(()) } else { Err(NotLdap::Malformed) }
}

/// Whether elements fill `content` exactly, each within the one that it is in.
fn elements(content: &[u8]) -> Result<(), NotLdap> {
    let mut at = 0;
    // Where each element that was entered ends.
    let mut ends = vec![content.len()];
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let header = header(&content[at..end])?.ok_or(NotLdap::Malformed)?;
        let begins = at + header.length;
        let next = begins.checked_add(header.content).filter(|next| *next <= end).ok_or(NotLdap::Malformed)?;
        if !header.constructed {
            at = next;
            continue;
        }
        if ends.len() == DEEPEST {
            return Err(NotLdap::TooDeep);
        }
        at = begins;
        ends.push(next);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A successful bind's answer.
    const DONE: &[u8] = &[0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];

    fn nested(levels: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..levels {
            let mut outer = vec![0x30, 0x84];
            outer.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            outer.extend(&bytes);
            bytes = outer;
        }
        let mut message = vec![0x30, 0x84];
        message.extend(u32::try_from(bytes.len() + 3).unwrap().to_be_bytes());
        message.extend([0x02, 0x01, 0x01]);
        message.extend(bytes);
        message
    }

    #[test]
    fn a_message_passes_when_it_has_come_whole() {
        for cut in 0..DONE.len() {
            assert_eq!(message(&DONE[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(message(DONE), Ok(Some(DONE.len())));
        assert_eq!(message(&[DONE, DONE].concat()), Ok(Some(DONE.len())));
        assert!(message(&nested(20)).unwrap().is_some());
    }

    #[test]
    fn what_is_not_ldap_does_not_pass() {
        for (bytes, verdict) in [
            (&b"HTTP/1.1 400 Bad Request"[..], NotLdap::Malformed),
            (&[0, 0, 0, 0], NotLdap::Malformed),
            (&[0x30, 0x80, 0x02], NotLdap::Malformed),
            (&[0x30, 0xff, 0x02], NotLdap::Malformed),
            (&[0x30, 0x00], NotLdap::Malformed),
            (&[0x30, 0x03, 0x02, 0x01, 0x01], NotLdap::Malformed),
            (&[0x30, 0x05, 0x02, 0x01, 0x01, 0x61, 0x07], NotLdap::Malformed),
            (&[0x30, 0x05, 0x02, 0x01, 0x01, 0x3f, 0x00], NotLdap::Malformed),
            (&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], NotLdap::TooLong),
            (&[0x30, 0x88, 0, 0, 0, 1, 0, 0, 0, 0], NotLdap::TooLong),
            (&nested(40), NotLdap::TooDeep),
            (&nested(100_000), NotLdap::TooDeep),
        ] {
            assert_eq!(message(bytes), Err(verdict), "{:02x?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[tokio::test]
    async fn both_sides_hear_each_other_until_one_hangs_up() {
        let (server, theirs) = tokio::io::duplex(64);
        let (library, ours) = UnixStream::pair().unwrap();
        let verdict = Verdict::default();
        let kept = tokio::spawn(keep(theirs, ours, Arc::clone(&verdict)));
        let (mut server, mut library) = (server, library);
        library.write_all(b"question").await.unwrap();
        let mut heard = [0; 8];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"question");
        server.write_all(&DONE[..5]).await.unwrap();
        server.write_all(&DONE[5..]).await.unwrap();
        let mut answer = vec![0; DONE.len()];
        library.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, DONE);
        server.write_all(b"nonsense").await.unwrap();
        assert_eq!(library.read(&mut answer).await.unwrap(), 0, "nothing of it comes through");
        kept.await.unwrap();
        assert_eq!(verdict.get(), Some(&NotLdap::Malformed));
    }
}
