use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::live::Position;

/// What the query string asks for: inputs' values by name, and a position to resume from.
pub(in crate::web) struct QueryParams(Vec<(String, String)>);

impl QueryParams {
    /// Every name and value, decoded.
    pub(in crate::web) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of `name`, if it is there.
    pub(in crate::web) fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(theirs, _)| *theirs == name).map(|(_, value)| value)
    }

    /// Where a live connection was when it broke.
    pub(in crate::web) fn position(&self) -> Option<Position> {
        Some(Position { epoch: self.get("epoch")?.to_owned(), seq: self.get("seq")?.parse().ok()? })
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for QueryParams {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let query = request.uri().query().map_or("", |query| query.as_str());
        Outcome::Success(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

/// Where a stream of server-sent events was when it broke, as the browser says by itself.
pub(in crate::web) struct LastEventId(pub(in crate::web) Option<Position>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let position = || {
            let (epoch, seq) = request.headers().get_one("Last-Event-ID")?.split_once(':')?;
            Some(Position { epoch: epoch.to_owned(), seq: seq.parse().ok()? })
        };
        Outcome::Success(Self(position()))
    }
}
