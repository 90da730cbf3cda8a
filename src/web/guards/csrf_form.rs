use std::ops::Deref;

use rocket::Either;
use rocket::data::{Data, FromData, Outcome};
use rocket::form::{self, DataField, FromForm, Options, ValueField};
use rocket::request::Request;

use super::{RequestOrigin, client_of, visitor_of};
use crate::audit::AuditEvent;
use crate::auth::{CsrfBinding, Keys, PreSessionToken};
use crate::domain::Visitor;
use crate::sessions::SessionToken;
use crate::web::AppState;
use crate::web::cookies::Cookies;
use crate::web::form::Form;
use crate::web::refusal::Refusal;

/// A form that a page of this site made for this very browser: its fields are there only when the request's origin and
/// the form's CSRF token are right. Whatever changes something takes its fields from this.
///
/// `B` is what the token must be bound to: the browser's session, unless stated otherwise.
pub(in crate::web) struct CsrfForm<'r, T, B = SessionToken> {
    fields: T,
    csrf: &'r str,
    binding: B,
}

/// A form from before the session. One whose token is out of date is shown once more, rather than refused: whoever
/// left a sign-in form open over night has done nothing wrong.
pub(in crate::web) struct PreSessionForm<'r, T>(pub(in crate::web) Result<CsrfForm<'r, T, PreSessionToken>, StaleForm<T>>);

/// The fields of a form that is not to be acted on, and only fit to be shown once more.
pub(in crate::web) struct StaleForm<T>(pub(in crate::web) T);

/// No fields beside the token: a button's form.
pub(in crate::web) struct NoFields;

/// A secret of a browser that the token of a form can be bound to.
pub(in crate::web) trait FormBinding: Send + Sized {
    /// The binding in this browser, if the token was made for it.
    fn verify(cookies: Cookies<'_>, keys: &Keys, csrf: &str) -> Option<Self>;
}

impl<T, B> CsrfForm<'_, T, B> {
    /// The fields.
    pub(in crate::web) fn into_inner(self) -> T {
        self.fields
    }

    /// The CSRF token, which ceremonies begun from this form are bound to.
    pub(in crate::web) fn csrf(&self) -> &str {
        self.csrf
    }

    /// The secret that the form is bound to: the token of the session, say.
    pub(in crate::web) fn binding(&self) -> &B {
        &self.binding
    }
}

impl<T, B> Deref for CsrfForm<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.fields
    }
}

impl FormBinding for SessionToken {
    fn verify(cookies: Cookies<'_>, keys: &Keys, csrf: &str) -> Option<Self> {
        cookies.session().filter(|token| keys.verify_csrf_token(CsrfBinding::Session(token), csrf))
    }
}

impl FormBinding for PreSessionToken {
    fn verify(cookies: Cookies<'_>, keys: &Keys, csrf: &str) -> Option<Self> {
        cookies.pre_session().filter(|token| keys.verify_csrf_token(CsrfBinding::PreSession(token), csrf))
    }
}

impl FormBinding for Either<PreSessionToken, SessionToken> {
    fn verify(cookies: Cookies<'_>, keys: &Keys, csrf: &str) -> Option<Self> {
        let before = PreSessionToken::verify(cookies, keys, csrf).map(Self::Left);
        before.or_else(|| SessionToken::verify(cookies, keys, csrf).map(Self::Right))
    }
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>, B: FormBinding> FromData<'r> for CsrfForm<'r, T, B> {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match receive(request, data).await {
            Outcome::Success(Ok(form)) => Outcome::Success(form),
            Outcome::Success(Err(StaleForm::<T>(_))) => Outcome::Error((Refusal::CsrfMismatch.stash(request), ())),
            Outcome::Error(error) => Outcome::Error(error),
            Outcome::Forward(forward) => Outcome::Forward(forward),
        }
    }
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromData<'r> for PreSessionForm<'r, T> {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let received = receive(request, data).await;
        if let Outcome::Success(Err(_)) = &received {
            let visitor = &visitor_of(request).await.unwrap_or(Visitor::Anonymous);
            let forgery = AuditEvent::ForgeryRefused { visitor, reason: "csrf-token" };
            AppState::of(request).auth.audit().record(&client_of(request), &forgery);
        }
        received.map(Self)
    }
}

/// Reads the form of a request that no other site has made, and verifies its token.
async fn receive<'r, T: FromForm<'r>, B: FormBinding>(
    request: &'r Request<'_>,
    data: Data<'r>,
) -> Outcome<'r, Result<CsrfForm<'r, T, B>, StaleForm<T>>, ()> {
    if RequestOrigin::of(request) == RequestOrigin::Foreign {
        return Outcome::Error((Refusal::ForeignOrigin.stash(request), ()));
    }
    let keys = AppState::of(request).auth.keys();
    let form = Form::<WithToken<'r, T>>::from_data(request, data).await.map_error(|(status, _)| (status, ()));
    form.and_then(|form| {
        let WithToken { csrf, fields } = form.into_inner();
        match (B::verify(Cookies::of(request), keys, csrf), fields) {
            (Some(binding), Ok(fields)) => Outcome::Success(Ok(CsrfForm { fields, csrf, binding })),
            (None, Ok(fields)) => Outcome::Success(Err(StaleForm(fields))),
            (Some(_), Err(errors)) => Outcome::Error((errors.status(), ())),
            (None, Err(_)) => Outcome::Error((Refusal::CsrfMismatch.stash(request), ())),
        }
    })
}

/// The fields of a form with the CSRF token taken out from among them. Fields that cannot be read are told of only to
/// whoever has the token.
struct WithToken<'r, T> {
    csrf: &'r str,
    fields: form::Result<'r, T>,
}

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromForm<'r> for WithToken<'r, T> {
    type Context = (Option<&'r str>, T::Context);

    fn init(options: Options) -> Self::Context {
        (None, T::init(options))
    }

    fn push_value((csrf, fields): &mut Self::Context, field: ValueField<'r>) {
        if field.name.source() == "csrf" {
            csrf.get_or_insert(field.value);
        } else {
            T::push_value(fields, field);
        }
    }

    async fn push_data((_, fields): &mut Self::Context, field: DataField<'r, '_>) {
        T::push_data(fields, field).await;
    }

    fn push_error((_, fields): &mut Self::Context, error: form::Error<'r>) {
        T::push_error(fields, error);
    }

    fn finalize((csrf, fields): Self::Context) -> form::Result<'r, Self> {
        Ok(Self { csrf: csrf.unwrap_or_default(), fields: T::finalize(fields) })
    }
}

#[rocket::async_trait]
impl<'r> FromForm<'r> for NoFields {
    type Context = ();

    fn init(_: Options) {}

    fn push_value((): &mut (), _: ValueField<'r>) {}

    async fn push_data((): &mut (), _: DataField<'r, '_>) {}

    fn finalize((): ()) -> form::Result<'r, Self> {
        Ok(Self)
    }
}
