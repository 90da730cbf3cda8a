use std::convert::Infallible;
use std::path::{Path, PathBuf};

use rocket::http::{ContentType, Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::{self, Responder, Response};
use rocket::{Request, Route, get, routes};

use crate::web::Assets;
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![serve]
}

/// The cache policy of an address with the current version: a year, the longest that caches honour (RFC 9111, 5.2.2.1).
const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The cache policy of an address without a version, or with an old one: asked for again every time. The response is a
/// 304 as long as nothing has changed.
const CACHE_REVALIDATE: &str = "public, no-cache";

pub(super) struct StaticFile {
    bytes: Vec<u8>,
    is_gzipped: bool,
    content_type: ContentType,
    cache: &'static str,
    entity_tag: String,
}

/// Serves a static file: the same for everybody, so no visitor is looked up. The first part of its path may be a
/// version, of now or of the page that a browser has still open.
#[get("/<path..>")]
fn serve(path: PathBuf, takes: AcceptsGzip, assets: &Assets) -> Result<StaticFile, Refusal> {
    let path = path.to_str().ok_or(Refusal::NotFound)?;
    let (version, name) = match path.split_once('/') {
        Some((version, name)) if Assets::is_version(version) => (Some(version), name),
        _ => (None, path),
    };
    let bytes = assets.static_file(name).ok_or(Refusal::NotFound)?;
    let packed = assets.gzipped_file(name).filter(|_| takes.0);
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_current = version.is_some_and(|version| version == assets.version());
    let tag = Assets::content_hash(&bytes);
    Ok(StaticFile {
        content_type: ContentType::from_extension(extension).unwrap_or(ContentType::Binary),
        cache: if is_current { CACHE_IMMUTABLE } else { CACHE_REVALIDATE },
        is_gzipped: packed.is_some(),
        // Compressed, it is another representation (RFC 9110, 8.8.3).
        entity_tag: if packed.is_some() { format!("\"{tag}-gzip\"") } else { format!("\"{tag}\"") },
        bytes: packed.map_or_else(|| bytes.into_owned(), <[u8]>::to_vec),
    })
}

/// Whether the browser accepts gzip (RFC 9110, 12.5.3). Everyone does who says so without a weight of zero.
pub(super) struct AcceptsGzip(bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AcceptsGzip {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let codings = request.headers().get("Accept-Encoding").flat_map(|list| list.split(','));
        let takes = codings.map(|coding| coding.split(';').map(str::trim)).any(|mut coding| {
            let is_gzip = coding.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            is_gzip && !coding.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        });
        Outcome::Success(Self(takes))
    }
}

impl<'r> Responder<'r, 'static> for StaticFile {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        if is_not_modified(request, &self.entity_tag) {
            response.status(Status::NotModified);
        } else {
            response.merge((self.content_type, self.bytes).respond_to(request)?);
            if self.is_gzipped {
                response.header(Header::new("Content-Encoding", "gzip"));
            }
        }
        response
            .header(Header::new("Cache-Control", self.cache))
            .header(Header::new("ETag", self.entity_tag))
            .header(Header::new("Vary", "Accept-Encoding"))
            .ok()
    }
}

/// Whether the browser has these bytes already. Tags are compared weakly, as RFC 9110, 13.1.2 wants it.
fn is_not_modified(request: &Request<'_>, entity_tag: &str) -> bool {
    let lists = request.headers().get("If-None-Match");
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == entity_tag || tag == "*"
    })
}
