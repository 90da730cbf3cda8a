//! A visitor: a client with cookies that behaves like a browser without JavaScript, or like a script.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, http};

use super::board::Board;

/// How long a test waits for a page to change. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it looks meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// An HTTP client with cookies of its own.
#[derive(Clone)]
pub(crate) struct Visitor {
    server: SocketAddr,
    http: reqwest::Client,
    /// The header in which a proxy gives their address, and its value; see [`Visitor::at`].
    address: Option<(&'static str, String)>,
    /// What the browser calls itself; see [`Visitor::with_user_agent`].
    user_agent: Option<&'static str>,
    /// The values of the `Authorization` headers; see [`Visitor::sends_authorization`].
    authorizations: Vec<String>,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// The server's answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a field in the form that is sent to `action`.
    pub(crate) fn field(&self, action: &str, name: &str) -> Option<String> {
        let form = self.body.split("<form").find(|form| form.contains(&format!("action=\"{action}\"")))?;
        let input = form.split("<input").find(|input| input.contains(&format!("name=\"{name}\"")))?;
        let input = &input[..input.find('>')?];
        let value = input.split("value=\"").nth(1)?;
        Some(as_read(&value[..value.find('"')?]))
    }

    /// The target of the first link with this text.
    pub(crate) fn link(&self, words: &str) -> Option<String> {
        let link = self.body.split("<a ").find(|link| link.contains(&format!(">{words}</a>")))?;
        let href = link.split("href=\"").nth(1)?;
        Some(as_read(&href[..href.find('"')?]))
    }

    /// The sentence above the form.
    pub(crate) fn form_message(&self) -> Option<String> {
        self.text_of("id=\"said\"")
    }

    /// The heading.
    pub(crate) fn heading(&self) -> Option<String> {
        self.text_of("<h1")
    }

    /// The name of who is signed in, as the bar shows it.
    pub(crate) fn signed_in_name(&self) -> Option<String> {
        let bar = self.body.split("class=\"who-name\"").nth(1)?;
        let name = bar.split("<span>").nth(1)?;
        Some(as_read(&name[..name.find("</span>")?]))
    }

    /// The whole `Set-Cookie` header of this cookie.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        cookies.find(|cookie| cookie.split('=').next() == Some(name))
    }

    /// The text of the element whose tag has `mark` in it, up to the next tag.
    pub(crate) fn text_of(&self, mark: &str) -> Option<String> {
        let rest = self.body.split(mark).nth(1)?;
        let text = &rest[rest.find('>')? + 1..];
        Some(as_read(text[..text.find('<')?].trim()))
    }
}

/// Text as a browser shows it.
fn as_read(html: &str) -> String {
    let plain = html.replace("&#x2F;", "/").replace("&#x27;", "'").replace("&quot;", "\"");
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

impl Visitor {
    pub(crate) fn new(server: SocketAddr) -> Self {
        // Plain HTTP on loopback needs no TLS, but the client wants to know whose it would be.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A new connection for each request: the server ends those that say nothing by its own clock, which tests move on.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
        let http = http.build().unwrap();
        Self { server, http, address: None, user_agent: None, authorizations: Vec::new(), cookies: BTreeMap::new() }
    }

    /// This visitor at that address, for a server that trusts the header `X-Real-IP`.
    pub(crate) fn at(mut self, address: &str) -> Self {
        self.address = Some(("X-Real-IP", address.to_owned()));
        self
    }

    /// This visitor behind a proxy that gives their address in `X-Forwarded-For`.
    pub(crate) fn behind_a_proxy_at(mut self, forwarded: &str) -> Self {
        self.address = Some(("X-Forwarded-For", forwarded.to_owned()));
        self
    }

    /// This visitor with a browser, or a program, that calls itself so.
    pub(crate) fn with_user_agent(mut self, user_agent: &'static str) -> Self {
        self.user_agent = Some(user_agent);
        self
    }

    /// This visitor with an `Authorization` header in every request; with one more, when it is called again.
    pub(crate) fn sends_authorization(mut self, authorization: &str) -> Self {
        self.authorizations.push(authorization.to_owned());
        self
    }

    /// This visitor with a name and a password in every request (RFC 7617).
    pub(crate) fn with_password(self, username: &str, password: &str) -> Self {
        self.sends_authorization(&format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
    }

    /// This visitor with a token in every request (RFC 6750).
    pub(crate) fn with_token(self, token: &str) -> Self {
        self.sends_authorization(&format!("Bearer {token}"))
    }

    /// Creates an API token on the account page, with `scope` and a lifetime in seconds, and returns its text.
    pub(crate) async fn makes_a_token(&mut self, scope: &str, lasts: u64) -> String {
        let csrf = self.opens("/account").await.field("/account/tokens", "csrf").expect("the account page has the form");
        let lasts = lasts.to_string();
        let fields = [("name", "a test's"), ("scope", scope), ("lasts", &*lasts), ("csrf", &*csrf)];
        let answer = self.posts("/account/tokens", &fields).await;
        assert_eq!(answer.location.as_deref(), Some("/account/tokens/new"), "a token is made: {}", answer.body);
        let shown = self.opens("/account/tokens/new").await;
        assert_eq!(shown.status, StatusCode::OK, "{:?} {}", shown.location, shown.body);
        shown.text_of("<code id=\"token\"").expect("the token is shown")
    }

    /// Asks for a JWT made from its credential, with `scope` where one is given.
    pub(crate) async fn asks_for_a_signed_token(&mut self, scope: Option<&str>) -> Response {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(scope.map(|scope| ("scope", scope)));
        let request = self.request(Method::POST, "/api/v1/token").header(ACCEPT, "*/*");
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form.finish());
        self.send(request).await
    }

    /// Gets a JWT, which must succeed, and returns its text.
    pub(crate) async fn gets_a_signed_token(&mut self) -> String {
        let answer = self.asks_for_a_signed_token(None).await;
        assert_eq!(answer.status, StatusCode::OK, "a signed token is made: {}", answer.body);
        answer.json()["access_token"].as_str().expect("there is one").to_owned()
    }

    /// Opens a path as a browser does.
    pub(crate) async fn opens(&mut self, path: &str) -> Response {
        let request = self.request(Method::GET, path).header(ACCEPT, HTML);
        self.send(request).await
    }

    /// Asks for a path as a script does.
    pub(crate) async fn fetches(&mut self, path: &str) -> Response {
        let request = self.request(Method::GET, path).header(ACCEPT, "*/*");
        self.send(request).await
    }

    /// Opens a path again and again until the answer is the one that must come.
    pub(crate) async fn opens_until(&mut self, path: &str, right: impl Fn(&Response) -> bool) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.opens(path).await;
            if right(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} does not change: {} {}", answer.status, answer.body);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The origin of this server's pages.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.server)
    }

    /// Sends a form as a browser does from a page of this server.
    pub(crate) async fn posts(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.posts_from(&self.origin(), path, fields).await
    }

    /// Sends a form as a browser does from a page of `origin`.
    pub(crate) async fn posts_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self
            .request(Method::POST, path)
            .header(ACCEPT, HTML)
            .header(ORIGIN, origin)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.finish());
        self.send(request).await
    }

    /// Goes on at another server, as behind a balancer that chooses another one.
    pub(crate) fn moves_to(&mut self, server: SocketAddr) {
        self.server = server;
    }

    /// Fills in the sign-in form that `path` shows.
    pub(crate) async fn tries_to_sign_in(&mut self, username: &str, password: &str, next: &str) -> Response {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let form = self.opens(&format!("/login?next={next}")).await;
        let csrf = form.field("/login", "csrf").expect("the form has its token");
        let next = form.field("/login", "next").expect("the form knows where to go");
        self.posts("/login", &[("username", username), ("password", password), ("next", &next), ("csrf", &csrf)]).await
    }

    /// Signs in, and must be let in.
    pub(crate) async fn signs_in(&mut self, username: &str, password: &str) -> &mut Self {
        let answer = self.tries_to_sign_in(username, password, "/").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{username} is let in: {}", answer.body);
        self
    }

    /// Signs out by the button in the bar.
    pub(crate) async fn signs_out(&mut self) -> Response {
        let home = self.opens("/").await;
        let csrf = home.field("/logout", "csrf").expect("the bar has the sign-out form");
        self.posts("/logout", &[("csrf", &csrf)]).await
    }

    /// Opens a page's live channel as its own page does.
    pub(crate) async fn watches(&self, path: &str) -> Result<Board, StatusCode> {
        self.watches_from(Some(&self.origin()), path).await
    }

    /// Opens a page's live channel from a page of `origin`, or from no browser at all.
    pub(crate) async fn watches_from(&self, origin: Option<&str>, path: &str) -> Result<Board, StatusCode> {
        self.tries_to_watch(origin, path).await.map_err(|error| match error {
            tungstenite::Error::Http(refused) => status_of(&refused),
            error => panic!("the handshake broke: {error}"),
        })
    }

    /// Opens a page's live channel at a server that may not be there.
    pub(crate) async fn tries_to_watch(&self, origin: Option<&str>, path: &str) -> Result<Board, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", self.server).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().unwrap());
        }
        if let Some(user_agent) = self.user_agent {
            request.headers_mut().insert("User-Agent", user_agent.parse().unwrap());
        }
        if !self.cookies.is_empty() {
            request.headers_mut().insert("Cookie", self.cookie_header().parse().unwrap());
        }
        for shown in &self.authorizations {
            request.headers_mut().append("Authorization", shown.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Board::new(socket))
    }

    /// The request, with this visitor's cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("http://{}{path}", self.server));
        if let Some((header, address)) = &self.address {
            request = request.header(*header, address);
        }
        if let Some(user_agent) = self.user_agent {
            request = request.header("User-Agent", user_agent);
        }
        for shown in &self.authorizations {
            request = request.header("Authorization", shown);
        }
        if self.cookies.is_empty() { request } else { request.header(COOKIE, self.cookie_header()) }
    }

    /// Sends it, and keeps the cookies that come back.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Response {
        let response = request.send().await.expect("the house answers");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Response {
            status: response.status(),
            location: response.headers().get(LOCATION).map(|location| location.to_str().unwrap().to_owned()),
            headers: response.headers().clone(),
            body: response.text().await.expect("the house finishes its answer"),
        }
    }

    fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

fn status_of(refused: &http::Response<Option<Vec<u8>>>) -> StatusCode {
    StatusCode::from_u16(refused.status().as_u16()).unwrap()
}
