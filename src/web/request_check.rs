use rocket::fairing::{Fairing, Info, Kind};
use rocket::form::Form;
use rocket::http::Method;
use rocket::http::uri::Reference;
use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Route};

use super::AppState;
use super::links::Link;
use super::path_spelling::PathSpelling;
use super::refusal::Refusal;
use crate::domain::HostName;

/// The headers by which a proxy tells for whom it asks.
const FORWARDED_HEADERS: [&str; 5] =
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded"];

/// Where Rocket looks for a form's `_method`: the longest word for it that has a meaning.
const METHOD_FIELD_BYTES: usize = "_method=delete".len();

/// A fairing that checks what holds for every request, whatever it asks for: that it names this server, that its path is
/// spelled in the one way, and that no field of a form has changed its method.
pub(super) struct RequestCheck;

/// The result of the check, kept with the request.
struct CheckResult(Option<Refusal>);

#[rocket::async_trait]
impl Fairing for RequestCheck {
    fn info(&self) -> Info {
        Info { name: "Request check", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        hint_at_proxy(request);
        let method = check_method(request, data).await;
        if method.is_err() {
            // The answer to what Rocket takes for HEAD would lack its body, and the client wait for it.
            request.set_method(Method::Post);
        }
        let refusal = method.and_then(|()| check_host(request)).and_then(|()| check_path(request)).err();
        request.local_cache(|| CheckResult(refusal));
    }
}

/// The refusal of a request that did not pass the check.
pub(super) fn check_refusal(request: &Request<'_>) -> Option<Refusal> {
    request.local_cache(|| CheckResult(None)).0.clone()
}

/// Lets only checked requests through to the routes.
pub(super) fn guard(routes: Vec<Route>) -> Vec<Route> {
    let guarded = |mut route: Route| {
        route.handler = Box::new(CheckedHandler(route.handler));
        route
    };
    routes.into_iter().map(guarded).collect()
}

/// A route's handler, which is called for checked requests alone.
#[derive(Clone)]
struct CheckedHandler(Box<dyn Handler>);

#[rocket::async_trait]
impl Handler for CheckedHandler {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        match check_refusal(request) {
            Some(refusal) => Outcome::Error(refusal.stash(request)),
            None => self.0.handle(request, data).await,
        }
    }
}

/// Refuses a request whose method Rocket may have taken from a form's first field, `_method`: which one it had come with
/// cannot be known any more.
async fn check_method(request: &Request<'_>, data: &mut Data<'_>) -> Result<(), Refusal> {
    if request.method() == Method::Post || !request.content_type().is_some_and(|content_type| content_type.is_form()) {
        return Ok(());
    }
    let body = std::str::from_utf8(data.peek(METHOD_FIELD_BYTES).await).unwrap_or_default();
    if Form::values(body).next().is_some_and(|field| field.name == "_method") {
        return Err(Refusal::BadRequest("a form cannot choose the method of its request".to_owned()));
    }
    Ok(())
}

/// Refuses a request that names another server, or none (RFC 9112, 3.2). Proxies that are trusted know where they send it.
fn check_host(request: &Request<'_>) -> Result<(), Refusal> {
    let AppState { transport, proxy_hints, clock, .. } = AppState::of(request);
    let mut named = request.headers().get("Host");
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Refusal::BadRequest("a request has one Host header".to_owned()));
    };
    let host = HostName::from_header(host).map_err(|_| Refusal::BadRequest("the Host header names no host".to_owned()))?;
    let is_from_proxy = || {
        let peer = request.remote().map(|peer| peer.ip());
        transport.public_url.is_some() && peer.is_some_and(|peer| transport.trusted_proxies.contains(peer))
    };
    if transport.allowed_hosts.contains(&host) || is_from_proxy() {
        return Ok(());
    }
    proxy_hints.unknown_host(&host, clock.now());
    Err(Refusal::UnknownHost)
}

/// Sends a request to the one spelling of its path. Addresses of static files are written by this server alone, in it.
fn check_path(request: &Request<'_>) -> Result<(), Refusal> {
    let path = match PathSpelling::of(request.uri().path().as_str()) {
        PathSpelling::Canonical => return Ok(()),
        PathSpelling::Invalid => return Err(Refusal::NotFound),
        PathSpelling::Other(path) => path,
    };
    if path.starts_with(Link::to("static").as_str()) {
        return Err(Refusal::NotFound);
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let link = Link::to(format_args!("{}{query}", path.trim_start_matches('/')));
    Err(if Reference::parse(link.as_str()).is_ok() { Refusal::Moved(link) } else { Refusal::NotFound })
}

/// Hints at the settings of a proxy, when the request comes through one that they do not name.
fn hint_at_proxy(request: &Request<'_>) {
    let AppState { transport, proxy_hints, .. } = AppState::of(request);
    let Some(peer) = request.remote().map(|peer| peer.ip()) else { return };
    // Whoever has set Rocket's `ip_header` has thought of their proxy.
    if transport.trusted_proxies.contains(peer) || request.real_ip().is_some() {
        return;
    }
    if let Some(header) = FORWARDED_HEADERS.into_iter().find(|header| request.headers().contains(header)) {
        proxy_hints.unknown_proxy(peer, header);
    }
}
