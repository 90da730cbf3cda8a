use rocket::Request;
use rocket::data::{Data, FromData, Outcome, ToByteUnit};
use rocket::form::{Errors, FromForm, FromFormField, ValueField};
use rocket::http::Status;

use super::AppState;
use super::refusal::Refusal;
use crate::domain::SessionId;

/// A form that has arrived within `connections.body_timeout`; Rocket's own waits for ever. What changes anything that
/// matters takes a `CsrfForm`, which is read by this.
pub(super) struct Form<T>(T);

impl<T> Form<T> {
    /// The fields.
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

/// The form of a button beside one of many.
#[derive(FromForm)]
pub(super) struct IdForm<Id> {
    pub(super) id: Id,
}

/// The form that names a person: by their id, or as they are typed. A missing field is empty, and nobody.
#[derive(FromForm)]
pub(super) struct PersonForm<'r> {
    #[field(default = "")]
    pub(super) person: &'r str,
}

impl<'r> FromFormField<'r> for SessionId {
    fn from_value(field: ValueField<'r>) -> rocket::form::Result<'r, Self> {
        field.value.parse().map_err(|error| rocket::form::Error::validation(format!("{error}")).into())
    }
}

/// The body of a request as text, arrived in the same time. What is longer than Rocket's limit for strings, or no
/// UTF-8, is refused.
pub(super) struct TextBody(pub(super) String);

#[rocket::async_trait]
impl<'r> FromData<'r> for TextBody {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match with_body_timeout(AppState::of(request), <String as FromData>::from_data(request, data)).await {
            Ok(text) => text.map(Self).map_error(|(status, _)| (status, ())),
            Err(status) => Outcome::Error((status, ())),
        }
    }
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromData<'r> for Form<T> {
    type Error = Errors<'r>;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match with_body_timeout(AppState::of(request), rocket::form::Form::<T>::from_data(request, data)).await {
            Ok(form) => form.map(|form| Self(form.into_inner())),
            Err(status) => Outcome::Error((status, Errors::new())),
        }
    }
}

/// The whole body of a request, arrived in the same time.
///
/// # Errors
/// That it is larger than `max_bytes`, or did not arrive.
pub(super) async fn read_body(state: &AppState, data: Data<'_>, max_bytes: usize) -> Result<Vec<u8>, Refusal> {
    let body = with_body_timeout(state, data.open(max_bytes.bytes()).into_bytes()).await.map_err(Refusal::Other)?;
    let body = body.map_err(|_| Refusal::BadRequest("the body did not arrive whole".to_owned()))?;
    if body.is_complete() { Ok(body.into_inner()) } else { Err(Refusal::TooLarge(max_bytes)) }
}

/// Awaits a request's body within the timeout; otherwise the status to answer with.
async fn with_body_timeout<T>(state: &AppState, body: impl Future<Output = T>) -> Result<T, Status> {
    tokio::select! {
        body = body => Ok(body),
        () = state.clock.sleep(state.settings.connections.body_timeout) => Err(Status::RequestTimeout),
    }
}
