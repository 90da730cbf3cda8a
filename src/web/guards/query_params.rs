use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::live::ChannelPosition;

/// The parameters of the query string: inputs' values by name, and a position to resume from.
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

    /// The position of a live connection when it broke.
    pub(in crate::web) fn resume_position(&self) -> Option<ChannelPosition> {
        Some(ChannelPosition { epoch: self.get("epoch")?.to_owned(), seq: self.get("seq")?.parse().ok()? })
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

/// The position of a stream of server-sent events when it broke, which the browser sends by itself.
pub(in crate::web) struct LastEventId(pub(in crate::web) Option<ChannelPosition>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let position = || {
            let (epoch, seq) = request.headers().get_one("Last-Event-ID")?.split_once(':')?;
            Some(ChannelPosition { epoch: epoch.to_owned(), seq: seq.parse().ok()? })
        };
        Outcome::Success(Self(position()))
    }
}
