use rocket::http::Status;
use rocket::{State, get};

use crate::directory::Readiness;

/// The process runs and answers.
#[get("/healthz")]
pub(super) fn alive() -> &'static str {
    "ok\n"
}

/// It can do its work: the directory answers. The reason why not is in the log, since anybody may ask this.
#[get("/readyz")]
pub(super) async fn ready(readiness: &State<Readiness>) -> (Status, &'static str) {
    match readiness.check().await {
        Ok(()) => (Status::Ok, "ready\n"),
        Err(unreachable) => {
            tracing::warn!(%unreachable, "not ready");
            (Status::ServiceUnavailable, "the directory cannot be reached\n")
        }
    }
}
