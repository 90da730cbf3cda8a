use std::path::PathBuf;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Request, State, get};

use crate::web::Assets;
use crate::web::refusal::Refusal;

/// What never changes at its address may be kept for a year, the longest that caches honour (RFC 9111, 5.2.2.1).
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// An address without a version, or with an old one, is asked for again every time: so modules that import one another
/// by name are always of one state. The answer is a 304 as long as nothing has changed.
const ASK_AGAIN: &str = "public, no-cache";

pub(super) struct StaticFile {
    bytes: Vec<u8>,
    content_type: ContentType,
    cache: &'static str,
    entity_tag: String,
}

/// A file of the site's own: the same for everybody, so no visitor is looked up.
#[get("/<path..>?<v>")]
pub(super) fn serve(path: PathBuf, v: Option<&str>, assets: &State<Assets>) -> Result<StaticFile, Refusal> {
    let name = path.to_str().ok_or(Refusal::NotFound)?;
    let bytes = assets.static_file(name).ok_or(Refusal::NotFound)?;
    let version = Assets::version_of(&bytes);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    Ok(StaticFile {
        content_type: ContentType::from_extension(extension).unwrap_or(ContentType::Binary),
        cache: if v == Some(&*version) { FOR_EVER } else { ASK_AGAIN },
        entity_tag: format!("\"{version}\""),
        bytes: bytes.into_owned(),
    })
}

impl<'r> Responder<'r, 'static> for StaticFile {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        if is_known(request, &self.entity_tag) {
            response.status(Status::NotModified);
        } else {
            response.merge((self.content_type, self.bytes).respond_to(request)?);
        }
        response.header(Header::new("Cache-Control", self.cache)).header(Header::new("ETag", self.entity_tag)).ok()
    }
}

/// Whether the browser has these bytes already. Tags are compared weakly, as RFC 9110, 13.1.2 wants it.
fn is_known(request: &Request<'_>, entity_tag: &str) -> bool {
    let lists = request.headers().get("If-None-Match");
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == entity_tag || tag == "*"
    })
}
