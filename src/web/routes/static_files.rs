use std::path::PathBuf;

use rocket::http::{ContentType, Header};
use rocket::{Responder, State, get};

use crate::web::Assets;
use crate::web::refusal::Refusal;

/// What never changes at its address may be kept for a year, the longest that caches honour (RFC 9111, 5.2.2.1).
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// An address without a version, or with an old one, is asked for again every time.
const ASK_AGAIN: &str = "public, no-cache";

#[derive(Responder)]
pub(super) struct StaticFile {
    bytes: Vec<u8>,
    content_type: ContentType,
    cache: Header<'static>,
}

/// A file of the site's own: the same for everybody, so no visitor is looked up.
#[get("/<path..>?<v>")]
pub(super) fn serve(path: PathBuf, v: Option<&str>, assets: &State<Assets>) -> Result<StaticFile, Refusal> {
    let name = path.to_str().ok_or(Refusal::NotFound)?;
    let bytes = assets.static_file(name).ok_or(Refusal::NotFound)?;
    let kept = v.is_some_and(|version| Assets::is_current(&bytes, version));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    Ok(StaticFile {
        content_type: ContentType::from_extension(extension).unwrap_or(ContentType::Binary),
        cache: Header::new("Cache-Control", if kept { FOR_EVER } else { ASK_AGAIN }),
        bytes: bytes.into_owned(),
    })
}
