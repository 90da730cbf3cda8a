use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Request, Route, get, routes};

use crate::web::Assets;
use crate::web::assets::StaticFile;
use crate::web::composed::{entity_tag, is_not_modified, send_whole};
use crate::web::gzip::AcceptsGzip;
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![serve]
}

/// The cache policy of an address with the current version: a year, the longest that caches honour (RFC 9111, 5.2.2.1).
const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The cache policy of an address without a version, or with an old one: asked for again every time. The response is a
/// 304 as long as nothing has changed.
const CACHE_REVALIDATE: &str = "public, no-cache";

pub(super) struct StaticResponse<'r> {
    file: Cow<'r, StaticFile>,
    accepts_gzip: bool,
    content_type: ContentType,
    cache: &'static str,
}

/// Serves a static file: the same for everybody, so no visitor is looked up. The first part of its path may be a
/// version, of now or of the page that a browser has still open.
#[get("/<path..>")]
fn serve(path: PathBuf, takes: AcceptsGzip, assets: &Assets) -> Result<StaticResponse<'_>, Refusal> {
    let path = path.to_str().ok_or(Refusal::NotFound)?;
    let (version, name) = match path.split_once('/') {
        Some((version, name)) if Assets::is_version(version) => (Some(version), name),
        _ => (None, path),
    };
    let file = assets.static_file(name).ok_or(Refusal::NotFound)?;
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_current = version.is_some_and(|version| version == assets.version());
    Ok(StaticResponse {
        file,
        accepts_gzip: takes.0,
        content_type: ContentType::from_extension(extension).unwrap_or(ContentType::Binary),
        cache: if is_current { CACHE_IMMUTABLE } else { CACHE_REVALIDATE },
    })
}

impl<'r> Responder<'r, 'static> for StaticResponse<'r> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let gzipped = self.file.gzipped.as_ref().filter(|_| self.accepts_gzip);
        let tag = entity_tag(&self.file.tag, gzipped.is_some());
        let mut response = Response::build();
        if is_not_modified(request, &tag) {
            response.status(Status::NotModified);
        } else {
            response.header(self.content_type);
            if gzipped.is_some() {
                response.header(Header::new("Content-Encoding", "gzip"));
            }
            send_whole(&mut response, Arc::clone(gzipped.unwrap_or(&self.file.bytes)));
        }
        response
            .header(Header::new("Cache-Control", self.cache))
            .header(Header::new("ETag", tag))
            .header(Header::new("Vary", "Accept-Encoding"))
            .ok()
    }
}
