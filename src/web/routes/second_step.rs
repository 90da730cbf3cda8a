use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use super::sign_in_context::SignInContext;
use crate::auth::{DeviceCookie, FactorRefusal, FactorResponse, NextPath, PreSessionToken};
use crate::domain::{Member, Person, Visitor};
use crate::factors::{CodeRefusal, PasskeyRefusal, PasskeyResponse};
use crate::sessions::SessionToken;
use crate::store::StoreError;
use crate::web::guards::{CsrfForm, Passkeys, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::{Refusal, capitalize};
use crate::web::views::{FactorMethod, Layout, NoPasskeysView, Notice, SecondStepView, Tone, humanize_wait, moment};

pub(super) fn routes() -> Vec<Route> {
    routes![show, submit]
}

/// The form with a code of the app, a recovery code, or a passkey's response: missing fields are empty.
#[derive(FromForm)]
pub(super) struct FactorForm<'r> {
    #[field(default = "")]
    next: &'r str,
    #[field(default = "")]
    code: &'r str,
    #[field(default = "")]
    recovery: &'r str,
    #[field(default = "")]
    credential: &'r str,
    #[field(default = "")]
    sealed: &'r str,
}

pub(super) type SecondStepResponse = Either<Redirect, Html<SecondStepView>>;

/// The person at the second step.
pub(super) enum SecondStepSubject {
    /// Somebody who has given their password, and has no session yet.
    Pending(Person),
    /// A member, whose factor counts no more, or who confirms that it is they.
    Member(Box<Member>),
}

/// The form for the second step: of a sign-in, or of a member whom a page asks for it. Whoever has no factor is led to
/// set one up.
#[get("/")]
async fn show(
    params: QueryParams,
    visitor: Visitor,
    layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<SecondStepResponse, Refusal> {
    let next = NextPath::or_home(params.get("next").unwrap_or_default());
    if let Some(person) = context.pending_person().await? {
        return form(&context, layout, &passkeys, &SecondStepSubject::Pending(person), &next, None).await.map(Either::Right);
    }
    let Some(member) = session_member(visitor) else {
        return Ok(Either::Left(Redirect::to(Link::sign_in(next.as_str()))));
    };
    if !context.auth.needs_second_factor(&member.person.id).await? {
        return Ok(Either::Left(Redirect::to(Link::to("account/factors").with("next", &next))));
    }
    if member.second_factor_until.is_some() {
        return Ok(Either::Left(Redirect::to(next.to_string())));
    }
    form(&context, layout, &passkeys, &SecondStepSubject::Member(member), &next, None).await.map(Either::Right)
}

#[post("/", data = "<sent>")]
async fn submit(
    sent: CsrfForm<'_, FactorForm<'_>, Either<PreSessionToken, SessionToken>>,
    visitor: Visitor,
    layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<SecondStepResponse, Refusal> {
    let next = NextPath::or_home(sent.next);
    // A form is good for whom it was made: it is bound to what their browser had then.
    let subject = match sent.binding() {
        Either::Left(_) => context.pending_person().await?.map(SecondStepSubject::Pending),
        Either::Right(_) => session_member(visitor).map(SecondStepSubject::Member),
    };
    let Some(subject) = subject else { return Ok(Either::Left(Redirect::to(Link::sign_in(next.as_str())))) };
    let response = match &passkeys.site {
        Ok(site) if !sent.credential.is_empty() => {
            let response = PasskeyResponse { credential: sent.credential, sealed: sent.sealed };
            FactorResponse::Passkey { site, browser: sent.csrf().as_bytes(), response }
        }
        _ if sent.code.is_empty() => FactorResponse::Code(sent.recovery),
        _ => FactorResponse::Code(sent.code),
    };
    match subject.verify(&context, response).await {
        Ok(PassedSecondStep { token, device_cookie }) => {
            context.set_session_cookie(&token);
            if let Some(device_cookie) = device_cookie {
                context.cookies.set_device(&device_cookie);
            }
            context.cookies.remove_pending();
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        // The pending sign-in has expired.
        Err(FactorRefusal::NotPending) => Ok(Either::Left(Redirect::to(Link::sign_in(next.as_str())))),
        Err(refusal) => {
            let (status, notice) = error_notice(refusal)?;
            let form = form(&context, layout, &passkeys, &subject, &next, Some(notice)).await?;
            Ok(Either::Right(form.with_status(status)))
        }
    }
}

/// The member whose session the cookie is. One authenticated by a header has no step to take here, and must not take it
/// in the session of whoever's cookie comes along.
fn session_member(visitor: Visitor) -> Option<Box<Member>> {
    match visitor {
        Visitor::Member(member) if member.session().is_some() => Some(member),
        _ => None,
    }
}

/// The cookies of a second step that was passed.
struct PassedSecondStep {
    token: SessionToken,
    /// For whoever has just signed in.
    device_cookie: Option<DeviceCookie>,
}

impl SecondStepSubject {
    fn person(&self) -> &Person {
        match self {
            Self::Pending(person) => person,
            Self::Member(member) => &member.person,
        }
    }

    async fn verify(
        &self,
        context: &SignInContext<'_>,
        response: FactorResponse<'_>,
    ) -> Result<PassedSecondStep, FactorRefusal> {
        let (session, client) = (context.cookies.session(), &context.client);
        match self {
            Self::Pending(_) => {
                let pending = context.cookies.pending().ok_or(FactorRefusal::NotPending)?;
                let signed_in = context.auth.finish_sign_in(&pending, response, client, session.as_ref()).await?;
                Ok(PassedSecondStep { token: signed_in.token, device_cookie: Some(signed_in.device_cookie) })
            }
            Self::Member(member) => {
                let session = session.ok_or(FactorRefusal::NotPending)?;
                let renewed = context.auth.step_up(&session, &member.person, response, client).await?;
                Ok(PassedSecondStep { token: renewed.token, device_cookie: None })
            }
        }
    }
}

/// The form for a second factor.
pub(super) async fn form(
    context: &SignInContext<'_>,
    layout: Layout,
    passkeys: &Passkeys,
    subject: &SecondStepSubject,
    next: &NextPath,
    notice: Option<Notice>,
) -> Result<Html<SecondStepView>, Refusal> {
    let enrolled = context.auth.factors().enrolled(&subject.person().id).await?;
    let has_passkeys = !enrolled.passkeys.is_empty();
    let is_member = matches!(subject, SecondStepSubject::Member(_));
    let methods = [
        (FactorMethod::Passkey, has_passkeys && passkeys.site.is_ok()),
        (FactorMethod::App, enrolled.app.is_some()),
        (FactorMethod::RecoveryCode, enrolled.recovery_codes > 0),
    ];
    let view = SecondStepView {
        notice,
        is_member,
        name: subject.person().display_name.clone(),
        methods: methods.into_iter().filter(|(_, is_usable)| *is_usable).map(|(method, _)| method).collect(),
        no_passkeys: passkeys.site.as_ref().err().filter(|_| has_passkeys).map(NoPasskeysView::of),
        next: next.to_string(),
        csrf: if is_member { layout.csrf.clone() } else { context.pre_session_csrf_token()? },
    };
    Ok(Html::new("auth/second_step", "One more step", layout, view))
}

/// The notice about a factor that was refused.
pub(super) fn error_notice(refusal: FactorRefusal) -> Result<(Status, Notice), Refusal> {
    let refusal = match refusal.into_store_error() {
        Ok(error) => return Err(error.into()),
        Err(refusal) => refusal,
    };
    let (status, text) = match refusal {
        FactorRefusal::Code(CodeRefusal::Throttled { retry_after, until }) => {
            let (wait, until) = (humanize_wait(retry_after), moment(until, retry_after));
            let text = format!(
                "There were too many wrong codes from here. You can try again in {wait}, at {until}. A recovery code, a passkey and \
                 a browser in which you have signed in before do not wait for that."
            );
            (Status::TooManyRequests, text)
        }
        FactorRefusal::Code(CodeRefusal::Used) => {
            (Status::Unauthorized, "This code has been used before. Wait until your app shows the next one.".to_owned())
        }
        FactorRefusal::Code(CodeRefusal::SealedUnderAnotherKey) => (
            Status::Unauthorized,
            "Your authenticator app was set up when this server had another key, so its codes cannot be checked. Use a \
             recovery code or a passkey, and set the app up anew."
                .to_owned(),
        ),
        FactorRefusal::Code(CodeRefusal::EnrollmentExpired) => (
            Status::BadRequest,
            "This form was open for a long time. Here is a new key: scan it, and type the code that your app shows for it."
                .to_owned(),
        ),
        FactorRefusal::Code(_) => (
            Status::Unauthorized,
            "That code did not match. Codes change every thirty seconds; the clock of your phone must be right.".to_owned(),
        ),
        FactorRefusal::WrongOwner => {
            (Status::Unauthorized, "That passkey belongs to another account. Choose yours.".to_owned())
        }
        FactorRefusal::Passkey(refusal) => passkey_error(&refusal),
        FactorRefusal::NotPending | FactorRefusal::Store(_) => {
            (Status::Unauthorized, "That took too long. Sign in again.".to_owned())
        }
    };
    Ok((status, Notice { tone: Tone::Warn, text }))
}

/// The text about a passkey that was refused; why is in the log.
pub(super) fn passkey_error(refusal: &PasskeyRefusal) -> (Status, String) {
    match refusal {
        PasskeyRefusal::UnknownChallenge => {
            (Status::BadRequest, "That took too long, or was sent twice. Try the passkey again.".to_owned())
        }
        PasskeyRefusal::UnknownPasskey => (
            Status::Unauthorized,
            "This passkey is not known here (any more). Choose another, or sign in with your password.".to_owned(),
        ),
        PasskeyRefusal::AlreadyRegistered => (Status::BadRequest, "This passkey is set up already.".to_owned()),
        PasskeyRefusal::TooMany => (Status::BadRequest, capitalize(&format!("{refusal}. Remove one that you do not use."))),
        PasskeyRefusal::InvalidResponse(why) => {
            tracing::info!(why, "a passkey's answer was refused");
            (Status::Unauthorized, "The passkey's answer could not be checked. Try it again.".to_owned())
        }
        PasskeyRefusal::Store(_) => (Status::ServiceUnavailable, "Try again in a minute.".to_owned()),
    }
}

impl SignInContext<'_> {
    /// The person whose sign-in waits in this browser for the second factor.
    async fn pending_person(&self) -> Result<Option<Person>, StoreError> {
        match self.cookies.pending() {
            Some(token) => self.auth.pending_person(&token).await,
            None => Ok(None),
        }
    }
}
