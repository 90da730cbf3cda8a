use std::io::Cursor;
use std::iter;
use std::sync::Arc;

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};

use super::gzip::{AcceptsGzip, GzipStream, stored_length};
use crate::live::{Rendition, SharedPiece};

/// A response of what all visitors of a channel share, and between its pieces what is this visitor's own. Where the client takes
/// gzip, the one was deflated once for all, and the other is stored as it is.
pub(super) struct Composed {
    rendition: Arc<Rendition>,
    /// One for each gap between two pieces.
    own: Vec<String>,
    content_type: ContentType,
    /// Whether it has an entity tag: what has parts of a visitor's own is never asked for again by one.
    is_tagged: bool,
}

impl Composed {
    /// A page. `None` where there are not as many own parts as gaps, as an overlay's template may have it.
    pub(super) fn page(rendition: Arc<Rendition>, own: Vec<String>) -> Option<Self> {
        let fits = rendition.pieces().len() == own.len() + 1;
        fits.then_some(Self { rendition, own, content_type: ContentType::HTML, is_tagged: false })
    }

    /// A JSON value that has nothing of any visitor. Its position in the channel is its entity tag: what is rendered of one
    /// position is rendered once.
    pub(super) fn json(rendition: Arc<Rendition>) -> Self {
        Self { rendition, own: Vec::new(), content_type: ContentType::JSON, is_tagged: true }
    }

    /// The shared pieces, each with the own part behind it; behind the last, there is none.
    fn pieces(&self) -> impl Iterator<Item = (&SharedPiece, &str)> {
        self.rendition.pieces().iter().zip(self.own.iter().map(String::as_str).chain(iter::repeat("")))
    }

    fn plain(&self) -> Vec<u8> {
        let length = self.pieces().map(|(piece, own)| piece.text().len() + own.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        for (piece, own) in self.pieces() {
            bytes.extend_from_slice(piece.text().as_bytes());
            bytes.extend_from_slice(own.as_bytes());
        }
        bytes
    }

    fn gzipped(&self) -> Vec<u8> {
        let length = self.pieces().map(|(piece, own)| piece.deflated().len() + stored_length(own)).sum();
        let mut stream = GzipStream::with_capacity(length);
        for (piece, own) in self.pieces() {
            stream.push_deflated(piece.deflated(), piece.text().as_bytes());
            stream.push_stored(own.as_bytes());
        }
        stream.finish()
    }
}

impl<'r> Responder<'r, 'static> for Composed {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let AcceptsGzip(is_gzipped) = AcceptsGzip::of(request);
        let mut response = Response::build();
        response.header(Header::new("Vary", "Accept-Encoding"));
        if self.is_tagged {
            let tag = entity_tag(self.rendition.tag(), is_gzipped);
            let is_known = is_not_modified(request, &tag);
            response.header(Header::new("ETag", tag));
            if is_known {
                return response.status(Status::NotModified).ok();
            }
        }
        response.header(self.content_type.clone());
        if is_gzipped {
            response.header(Header::new("Content-Encoding", "gzip"));
        }
        send_whole(&mut response, if is_gzipped { self.gzipped() } else { self.plain() });
        response.ok()
    }
}

/// The entity tag of a representation: compressed, it is another one (RFC 9110, 8.8.3).
pub(super) fn entity_tag(tag: &str, is_gzipped: bool) -> String {
    if is_gzipped { format!("\"{tag}-gzip\"") } else { format!("\"{tag}\"") }
}

/// Whether the client has this representation already. Tags are compared weakly, as RFC 9110, 13.1.2 wants it.
pub(super) fn is_not_modified(request: &Request<'_>, entity_tag: &str) -> bool {
    let lists = request.headers().get("If-None-Match");
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == entity_tag || tag == "*"
    })
}

/// Sets a body that is in memory already, to be sent in one piece rather than in Rocket's of 4 KiB.
pub(super) fn send_whole<B>(response: &mut response::Builder<'_>, bytes: B)
where
    B: AsRef<[u8]> + Send + Unpin + 'static,
{
    let length = bytes.as_ref().len();
    response.sized_body(length, Cursor::new(bytes)).max_chunk_size(length.max(1));
}
