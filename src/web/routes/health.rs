use rocket::http::Status;
use rocket::{Route, get, routes};

use crate::directory::{Readiness, Unreachable};

pub(super) fn routes() -> Vec<Route> {
    routes![alive, ready]
}

/// The liveness probe: the process runs and answers.
#[get("/healthz")]
fn alive() -> &'static str {
    "ok\n"
}

/// The readiness probe: whether the directory answers. Why not is in the log, where the directory's client has put it,
/// since anybody may ask this.
#[get("/readyz")]
async fn ready(readiness: &Readiness) -> (Status, &'static str) {
    match readiness.check().await {
        Ok(()) => (Status::Ok, "ready\n"),
        Err(Unreachable { .. }) => (Status::ServiceUnavailable, "the directory cannot be reached\n"),
    }
}
