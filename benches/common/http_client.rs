//! An HTTP client that sends exactly what it is given, over one kept-alive connection.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

pub(crate) struct HttpClient {
    server: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// The server's response.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The cookies that it sets, as `name=value`.
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

impl HttpClient {
    pub(crate) async fn new(server: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(server).await?, server)
    }

    /// A client that connects from `address`.
    pub(crate) async fn from(address: impl Into<IpAddr>, server: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(address.into(), 0))?;
        Self::over(socket.connect(server).await?, server)
    }

    fn over(stream: TcpStream, server: SocketAddr) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { server, stream: BufReader::with_capacity(32 << 10, stream) })
    }

    /// Opens a page, with the session's cookie if there is one.
    pub(crate) async fn opens(&mut self, path: &str, token: Option<&str>) -> io::Result<Response> {
        let cookie = token.map_or_else(String::new, |token| format!("Cookie: belvedere={token}\r\n"));
        self.get(path, &cookie).await
    }

    /// Opens a page, with this value of `Authorization`.
    pub(crate) async fn opens_with(&mut self, path: &str, authorization: &str) -> io::Result<Response> {
        self.get(path, &format!("Authorization: {authorization}\r\n")).await
    }

    /// Posts nothing, with this value of `Authorization`.
    pub(crate) async fn posts_with(&mut self, path: &str, authorization: &str) -> io::Result<Response> {
        let host = self.server;
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\n\r\n");
        self.send(&request).await
    }

    async fn get(&mut self, path: &str, header: &str) -> io::Result<Response> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n{header}\r\n", self.server);
        self.send(&request).await
    }

    /// Tries to sign in, from where a proxy says.
    pub(crate) async fn tries(&mut self, name: &str, address: &str, cookie: &str, csrf: &str) -> io::Result<Response> {
        let body = format!("username={name}&password=Not-The-Password&next=%2F&csrf={csrf}");
        self.sends_form(&body, cookie, &format!("X-Forwarded-For: {address}\r\n")).await
    }

    /// Sends the sign-in form with these fields, and with one header more.
    pub(crate) async fn sends_form(&mut self, fields: &str, cookie: &str, header: &str) -> io::Result<Response> {
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nAccept: text/html\r\nCookie: {cookie}\r\n{header}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n\r\n{fields}",
            self.server,
            fields.len()
        );
        self.send(&request).await
    }

    /// The cookie and the token of the sign-in form.
    pub(crate) async fn form(&mut self) -> io::Result<(String, String)> {
        let answer = self.opens("/login?next=%2F", None).await?;
        // The bar has a form of its own, with a token of its own.
        let form = answer.body.split("action=\"/login\"").nth(1).unwrap_or_default();
        let csrf = form.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        match (answer.cookies.into_iter().next(), csrf) {
            (Some(cookie), Some(csrf)) => Ok((cookie, csrf.to_owned())),
            _ => Err(io::Error::other(format!("no form: {} {}", answer.status, answer.body))),
        }
    }

    async fn send(&mut self, request: &str) -> io::Result<Response> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let (mut status, mut length, mut cookies) = (0, None, Vec::new());
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok(),
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") => {
                    cookies.extend(value.split(';').next().map(str::to_owned));
                }
                Some(_) => {}
                None => status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0),
            }
        }
        let mut body = vec![0; length.ok_or_else(|| io::Error::other("an answer without a length"))?];
        self.stream.read_exact(&mut body).await?;
        Ok(Response { status, cookies, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
