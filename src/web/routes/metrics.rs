use rocket::http::ContentType;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Route, get, routes};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::live::Hub;
use crate::telemetry::{EncodeMetricsError, Metrics};
use crate::web::AppState;
use crate::web::guards::Administrator;
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

/// The program's metrics in OpenMetrics text format.
#[get("/")]
fn show(_reader: MetricsReader, metrics: &Metrics, hub: &Hub) -> Result<(ContentType, String), Refusal> {
    hub.update_metrics();
    let text = metrics.encode().map_err(|error: EncodeMetricsError| Refusal::Internal(error.to_string()))?;
    let openmetrics =
        ContentType::new("application", "openmetrics-text").with_params([("version", "1.0.0"), ("charset", "utf-8")]);
    Ok((openmetrics, text))
}

/// A client that may read the metrics: an admin, or one with the token of the settings. The metrics name the directory's
/// servers, so they are not for everybody.
pub(super) struct MetricsReader;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for MetricsReader {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let mut headers = request.headers().get("Authorization");
        match (headers.next(), headers.next(), &AppState::of(request).settings.metrics.token) {
            (Some(header), None, Some(token)) if is_bearer_token(header, token.expose()) => Outcome::Success(Self),
            // Any other credentials are checked as everywhere.
            _ => request.guard::<Administrator>().await.map(|_| Self),
        }
    }
}

/// Whether an `Authorization` header (RFC 6750, 2.1) carries this very token. Hashes are compared, in constant time,
/// so that neither the token's characters nor its length can be learned by measuring.
fn is_bearer_token(header: &str, token: &str) -> bool {
    let Some((scheme, presented)) = header.split_once(' ') else { return false };
    let same = Sha256::digest(presented.trim()).ct_eq(&Sha256::digest(token));
    scheme.eq_ignore_ascii_case("Bearer") && bool::from(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_in_its_scheme_counts() {
        for header in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER  0123456789abcdef "] {
            assert!(is_bearer_token(header, "0123456789abcdef"), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789ABCDEF",
            "Bearer 0123456789abcdef, Bearer x",
        ] {
            assert!(!is_bearer_token(header, "0123456789abcdef"), "{header}");
        }
    }
}
