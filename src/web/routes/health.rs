use rocket::http::Status;
use rocket::{Route, get, routes};

use crate::directory::{Readiness, Unreachable};
use crate::sessions::Sessions;
use crate::store::WritableProbe;

pub(super) fn routes() -> Vec<Route> {
    routes![alive, ready]
}

/// The liveness probe: the process runs and answers.
#[get("/healthz")]
fn alive() -> &'static str {
    "ok\n"
}

/// The readiness probe: whether the directory answers, and what has to last can be written. Why not is in the log, since anybody
/// may ask this.
#[get("/readyz")]
async fn ready(readiness: &Readiness, sessions: &Sessions, probe: &WritableProbe) -> (Status, &'static str) {
    if sessions.has_unwritten_ends() || !probe.is_writable().await {
        return (Status::ServiceUnavailable, probe.refusal());
    }
    match readiness.check().await {
        Ok(()) => (Status::Ok, "ready\n"),
        Err(Unreachable { result_code: None, .. }) => (Status::ServiceUnavailable, "the directory cannot be reached\n"),
        Err(Unreachable { .. }) => (Status::ServiceUnavailable, "the directory answers with an error\n"),
    }
}
