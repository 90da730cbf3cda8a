use std::ops::Deref;

use rocket::Request;
use rocket::data::{Data, FromData, Outcome};
use rocket::form::{Errors, FromForm, FromFormField, ValueField};
use rocket::http::Status;

use super::AppState;
use crate::domain::SessionId;

/// A form that has arrived within `connections.body_timeout`. Rocket's own waits for ever, so handlers take this one.
pub(super) struct Form<T>(T);

impl<T> Form<T> {
    /// The fields.
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

/// A form with a CSRF token alone: a button's.
#[derive(FromForm)]
pub(super) struct CsrfForm<'r> {
    #[field(default = "")]
    pub(super) csrf: &'r str,
}

/// A form with a CSRF token and an id: a button's beside one of many.
#[derive(FromForm)]
pub(super) struct IdForm<'r, Id: FromFormField<'r>> {
    #[field(default = "")]
    pub(super) csrf: &'r str,
    pub(super) id: Id,
}

impl<'r> FromFormField<'r> for SessionId {
    fn from_value(field: ValueField<'r>) -> rocket::form::Result<'r, Self> {
        field.value.parse().map_err(|error| rocket::form::Error::validation(format!("{error}")).into())
    }
}

impl<T> Deref for Form<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The body of a request as text, arrived in the same time. What is longer than Rocket's limit for strings, or no
/// UTF-8, is refused.
pub(super) struct TextBody(pub(super) String);

#[rocket::async_trait]
impl<'r> FromData<'r> for TextBody {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match with_body_timeout(request, <String as FromData>::from_data(request, data)).await {
            Ok(text) => text.map(Self).map_error(|(status, _)| (status, ())),
            Err(status) => Outcome::Error((status, ())),
        }
    }
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromData<'r> for Form<T> {
    type Error = Errors<'r>;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match with_body_timeout(request, rocket::form::Form::<T>::from_data(request, data)).await {
            Ok(form) => form.map(|form| Self(form.into_inner())),
            Err(status) => Outcome::Error((status, Errors::new())),
        }
    }
}

/// Awaits a request's body within the timeout; otherwise the status to answer with.
async fn with_body_timeout<T>(request: &Request<'_>, body: impl Future<Output = T>) -> Result<T, Status> {
    let state = AppState::of(request);
    tokio::select! {
        body = body => Ok(body),
        () = state.clock.sleep(state.settings.connections.body_timeout) => Err(Status::RequestTimeout),
    }
}
