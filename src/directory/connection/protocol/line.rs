use std::future::{Future as _, poll_fn};
use std::io;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use ldap3::LdapResult;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::task::unconstrained;

use super::answer::{Answer, tag};
use super::message::{MOST_HEARD, NotLdap, message};
use super::request::Request;

/// What is read at once, unless a message is longer.
const READ_AT_ONCE: usize = 8 * 1024;

/// More room than this is given back while nothing is asked.
const ROOM_KEPT: usize = 64 * 1024;

/// What a line goes over: TCP, or TLS.
pub(in crate::directory) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A line to a server, on which one question is asked at a time.
pub(in crate::directory) struct Line {
    stream: Box<dyn Stream>,
    /// What the server said …
    heard: Vec<u8>,
    /// … and how much of it has been read.
    read: usize,
    /// How much of it was in answer to the last request, or came meanwhile.
    answered: usize,
    /// The id of the last request.
    asked: i32,
    /// Whether that request went out in part only: what follows would be taken for the rest of it.
    is_cut_short: bool,
}

/// Why a line is of no more use, or a question cannot be asked on any.
#[derive(Debug, thiserror::Error)]
pub(in crate::directory) enum Broken {
    #[error("it closed the connection")]
    Closed,
    /// Its notice of disconnection (RFC 4511, 4.4.1).
    #[error("it ended the connection")]
    Ended(LdapResult),
    #[error("the connection broke: {0}")]
    Io(io::Error),
    #[error(transparent)]
    NotLdap(#[from] NotLdap),
    #[error("the filter is not one: check person_filter and group_filter")]
    Filter,
}

impl Line {
    pub(in crate::directory) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), heard: Vec::new(), read: 0, answered: 0, asked: 0, is_cut_short: false }
    }

    /// Asks, with the control of this OID, if any. Its answers are [`heard`](Self::hear) next.
    pub(in crate::directory) async fn ask(
        &mut self,
        request: &Request<'_>,
        control: Option<&str>,
    ) -> Result<(), Broken> {
        let id = self.asked.checked_add(1).ok_or_else(|| io::Error::other("its message ids are used up"))?;
        let message = request.encode(id, control)?;
        (self.asked, self.answered, self.is_cut_short) = (id, 0, true);
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        self.is_cut_short = false;
        Ok(())
    }

    /// The next answer to what was asked last. What still comes of questions that were given up before is passed over, and
    /// so is what a server says in between (RFC 4511, 4.13).
    pub(in crate::directory) async fn hear(&mut self) -> Result<Answer<'_>, Broken> {
        loop {
            let message = self.next().await?;
            self.answered += message.len();
            if self.answered > MOST_HEARD {
                return Err(NotLdap::TooMuch.into());
            }
            let answer = Answer::read(&self.heard[message.clone()])?;
            if answer.id == 0 {
                return Err(Broken::Ended(answer.result(tag::EXTENDED)?));
            }
            if answer.id > self.asked {
                return Err(NotLdap::Malformed.into());
            }
            if answer.id == self.asked && answer.tag != tag::INTERMEDIATE {
                return Ok(Answer::read(&self.heard[message])?);
            }
        }
    }

    /// Tells the server that nobody waits for the answer to what was asked last, where it has heard the question.
    pub(in crate::directory) async fn abandon(&mut self) -> Result<(), Broken> {
        if self.is_cut_short {
            return Ok(());
        }
        self.ask(&Request::Abandon(self.asked), None).await
    }

    /// Whether another question can be asked: the server is still there and says nothing, as it should while it is not asked. One
    /// that speaks unasked ends the connection, or is none that should be asked again.
    pub(in crate::directory) fn is_quiet(&mut self) -> bool {
        if self.is_cut_short || self.read < self.heard.len() {
            return false;
        }
        if self.heard.capacity() > ROOM_KEPT {
            (self.heard, self.read) = (Vec::new(), 0);
        }
        let mut unasked = [0; 1];
        let mut unasked = ReadBuf::new(&mut unasked);
        // Whoever has no time left is not told that nothing came.
        let hears = unconstrained(poll_fn(|context| Pin::new(&mut *self.stream).poll_read(context, &mut unasked)));
        pin!(hears).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Where the next message is, once it has come whole.
    async fn next(&mut self) -> Result<Range<usize>, Broken> {
        loop {
            if let Some(length) = message(&self.heard[self.read..])? {
                let begins = self.read;
                self.read += length;
                return Ok(begins..self.read);
            }
            self.make_room();
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(Broken::Closed);
            }
        }
    }

    fn make_room(&mut self) {
        self.heard.drain(..self.read);
        self.read = 0;
        self.heard.reserve(READ_AT_ONCE);
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// A result of this kind, with success, to the message with this id.
    fn done(id: u8, kind: u8) -> Vec<u8> {
        vec![0x30, 0x0c, 0x02, 0x01, id, kind, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]
    }

    async fn asked(server: &mut DuplexStream, line: &mut Line) {
        line.ask(&Request::Abandon(9), None).await.unwrap();
        let mut length = [0; 6];
        server.read_exact(&mut length).await.unwrap();
        let rest = u32::from_be_bytes(length[2..].try_into().unwrap());
        server.read_exact(&mut vec![0; rest.try_into().unwrap()]).await.unwrap();
    }

    fn line() -> (DuplexStream, Line) {
        let (server, ours) = tokio::io::duplex(64);
        (server, Line::over(ours))
    }

    #[tokio::test]
    async fn the_answer_to_the_last_question_is_heard_and_earlier_ones_are_passed_over() {
        let (mut server, mut line) = line();
        asked(&mut server, &mut line).await;
        asked(&mut server, &mut line).await;
        let said = [done(1, tag::SEARCHED), done(2, tag::INTERMEDIATE), done(2, tag::BOUND)].concat();
        let says = async {
            server.write_all(&said[..20]).await.unwrap();
            server.write_all(&said[20..]).await.unwrap();
        };
        let ((), heard) = tokio::join!(says, line.hear());
        let heard = heard.unwrap();
        assert_eq!((heard.id, heard.result(tag::BOUND).unwrap().rc), (2, 0));
        assert!(line.is_quiet());

        asked(&mut server, &mut line).await;
        server.write_all(&[done(3, tag::BOUND), done(0, tag::EXTENDED)].concat()).await.unwrap();
        assert_eq!(line.hear().await.unwrap().id, 3);
        assert!(!line.is_quiet(), "it said farewell in the same breath");
    }

    #[tokio::test]
    async fn what_nobody_asked_for_and_what_is_no_ldap_breaks_the_line() {
        for (said, why) in [
            (done(2, tag::BOUND), "not LDAP"),
            (done(0, tag::EXTENDED), "ended the connection"),
            (b"HTTP/1.1 400 Bad Request".to_vec(), "not LDAP"),
        ] {
            let (mut server, mut line) = line();
            asked(&mut server, &mut line).await;
            server.write_all(&said).await.unwrap();
            let broken = line.hear().await.map(|_| ()).unwrap_err().to_string();
            assert!(broken.contains(why), "{broken}");
        }
    }

    #[tokio::test]
    async fn a_server_that_answers_without_end_is_not_heard_for_ever() {
        let (mut server, mut line) = line();
        asked(&mut server, &mut line).await;
        asked(&mut server, &mut line).await;
        let late = done(1, tag::ENTRY).repeat(1_000);
        let says = async { while server.write_all(&late).await.is_ok() {} };
        tokio::select! {
            () = says => panic!("the line was not given up"),
            heard = line.hear() => assert!(matches!(heard, Err(Broken::NotLdap(NotLdap::TooMuch)))),
        }
    }

    #[tokio::test]
    async fn a_question_that_went_out_in_part_is_neither_abandoned_nor_followed_by_another() {
        let (mut server, mut line) = line();
        let long = "x".repeat(100);
        let request = Request::Modify { dn: &long, changes: &[] };
        assert!(futures::poll!(pin!(line.ask(&request, None))).is_pending(), "it does not fit");
        line.abandon().await.unwrap();
        assert!(!line.is_quiet());
        drop(line);
        let mut sent = Vec::new();
        server.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent.len(), 64, "as much as went out, and nothing behind it");
    }

    #[tokio::test]
    async fn a_line_is_quiet_until_the_server_speaks_unasked_or_hangs_up() {
        let (mut server, mut line) = self::line();
        assert!(line.is_quiet());
        server.write_all(&done(0, tag::EXTENDED)).await.unwrap();
        assert!(!line.is_quiet());
        let (server, mut line) = self::line();
        drop(server);
        assert!(!line.is_quiet());
        assert!(matches!(line.hear().await, Err(Broken::Closed)));
    }
}
