//! Browsers that sign in: the form with its token and cookie, then the form's answer, over a connection that is kept.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::slapd::{PASSWORD, uid};

/// A browser with a connection of its own.
pub(crate) struct Visitor {
    house: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// What the house answered.
struct Answer {
    status: u16,
    cookies: Vec<String>,
    body: String,
}

impl Visitor {
    /// Visitor number `n` comes from an address of its own, as colleagues do: the program hears only so many tries at
    /// once from one.
    pub(crate) async fn new(house: SocketAddr, n: usize) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(2 + n % 250).unwrap_or(2);
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)), 0))?;
        let stream = socket.connect(house).await?;
        stream.set_nodelay(true)?;
        Ok(Self { house, stream: BufReader::new(stream) })
    }

    /// Opens the form, with no cookie yet.
    pub(crate) async fn opens_the_form(&mut self) -> io::Result<()> {
        self.form().await.map(drop)
    }

    /// Signs `person` in, from the form to the redirect.
    pub(crate) async fn signs_in(&mut self, person: usize) -> io::Result<()> {
        let (cookie, csrf) = self.form().await?;
        let fields = [("username", &*uid(person)), ("password", PASSWORD), ("next", "/"), ("csrf", &csrf)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n\r\n{body}",
            self.house,
            body.len()
        );
        let answer = self.asks(&request).await?;
        match (answer.status, answer.cookies.iter().any(|cookie| cookie.starts_with("belvedere="))) {
            (303, true) => Ok(()),
            (status, _) => Err(io::Error::other(format!("not let in: {status} {}", answer.body))),
        }
    }

    /// The form's cookie and token.
    async fn form(&mut self) -> io::Result<(String, String)> {
        let request = format!("GET /login?next=%2F HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n\r\n", self.house);
        let answer = self.asks(&request).await?;
        let cookie = answer.cookies.iter().find_map(|cookie| cookie.split(';').next()).map(str::to_owned);
        let csrf = answer.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        match (cookie, csrf) {
            (Some(cookie), Some(csrf)) => Ok((cookie, csrf.to_owned())),
            _ => Err(io::Error::other(format!("no form: {} {}", answer.status, answer.body))),
        }
    }

    async fn asks(&mut self, request: &str) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            let name = name.to_owned();
            head.iter().filter_map(move |line| {
                let (header, value) = line.split_once(": ")?;
                header.eq_ignore_ascii_case(&name).then(|| value.to_owned())
            })
        };
        let length = header("content-length").next().and_then(|length| length.parse().ok());
        let mut body = vec![0; length.ok_or_else(|| io::Error::other("an answer without a length"))?];
        self.stream.read_exact(&mut body).await?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.unwrap_or_default(),
            cookies: header("set-cookie").collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
