use std::time::Instant;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};

use super::guards::{address_of, cached_member};

/// A fairing that logs one line a request: who, what, how it went, how long it took. The query string stays out: it may
/// be anything.
pub(super) struct RequestLog;

struct RequestStart(Instant);

#[rocket::async_trait]
impl Fairing for RequestLog {
    fn info(&self) -> Info {
        Info { name: "Request log", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(|| RequestStart(Instant::now()));
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let took = request.local_cache(|| RequestStart(Instant::now())).0.elapsed();
        let user = cached_member(request).map_or_else(|| "-".to_owned(), |member| member.person.qualified_name());
        let route = request.route().map_or_else(|| "-".to_owned(), |route| route.uri.to_string());
        let address = address_of(request).map_or_else(|| "-".to_owned(), |address| address.to_string());
        tracing::info!(
            target: "belvedere::request",
            method = %request.method(),
            path = %request.uri().path(),
            route,
            user,
            address,
            status = response.status().code,
            ms = took.as_secs_f64() * 1_000.0,
            "request"
        );
    }
}
