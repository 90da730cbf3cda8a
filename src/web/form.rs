use std::ops::Deref;

use rocket::Request;
use rocket::data::{Data, FromData, Outcome};
use rocket::form::{Errors, FromForm};
use rocket::http::Status;

use super::rooms::{Limits, Time};

/// A form that has come within `connections.body_timeout`. Rocket's own waits for ever, so handlers take this one.
pub(super) struct Form<T>(T);

impl<T> Form<T> {
    /// What was filled in.
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Form<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The body of a request as text, in the same time. What is longer than Rocket's limit for strings, or no UTF-8, is refused.
pub(super) struct Text(pub(super) String);

#[rocket::async_trait]
impl<'r> FromData<'r> for Text {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let rocket = request.rocket();
        let (Some(limits), Some(Time(clock))) = (rocket.state::<Limits>(), rocket.state::<Time>()) else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        tokio::select! {
            text = String::from_data(request, data) => match text {
                Outcome::Success(text) => Outcome::Success(Self(text)),
                Outcome::Error((status, _)) => Outcome::Error((status, ())),
                Outcome::Forward(forward) => Outcome::Forward(forward),
            },
            () = clock.sleep(limits.body) => Outcome::Error((Status::RequestTimeout, ())),
        }
    }
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromData<'r> for Form<T> {
    type Error = Errors<'r>;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let rocket = request.rocket();
        let (Some(limits), Some(Time(clock))) = (rocket.state::<Limits>(), rocket.state::<Time>()) else {
            return Outcome::Error((Status::InternalServerError, Errors::new()));
        };
        tokio::select! {
            form = rocket::form::Form::<T>::from_data(request, data) => form.map(|form| Self(form.into_inner())),
            () = clock.sleep(limits.body) => Outcome::Error((Status::RequestTimeout, Errors::new())),
        }
    }
}
