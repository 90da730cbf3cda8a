use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};

use super::doorstep::{Doorstep, TypedPassword};
use super::second_step::{self, Who};
use crate::auth::{NextPath, SignInRefusal};
use crate::domain::{Client, Member};
use crate::web::guards::{Asked, OwnForm, Passkeys, again_href};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{AgainView, Chrome, Said, SecondStepView, Tone, in_words};

/// What is missing is empty, and refused as such.
#[derive(FromForm)]
pub(super) struct AgainForm {
    password: TypedPassword,
    #[field(default = String::new())]
    next: String,
    #[field(default = String::new())]
    csrf: String,
}

/// Asks a member for their second factor once more, or for their password where they have none.
#[get("/again")]
pub(super) async fn ask(
    asked: Asked,
    member: Member,
    chrome: Chrome,
    passkeys: Passkeys,
    doorstep: Doorstep<'_>,
    limits: &State<Limits>,
) -> Result<Either<Html<SecondStepView>, Html<AgainView>>, Refusal> {
    // Who comes without a session has none to prove themselves in.
    member.session().ok_or(Refusal::NotFound)?;
    let next = asked.get("next").and_then(NextPath::parse).unwrap_or_else(NextPath::home);
    if doorstep.auth.needs_second_factor(&member.person.id).await? {
        let who = Who::Member(Box::new(member));
        return second_step::form(&doorstep, chrome, &passkeys, &who, &next, None).await.map(Either::Left);
    }
    Ok(Either::Right(form(&member, chrome, limits, &next, None)))
}

/// Takes it, gives the browser another token, and leads back.
#[post("/again", data = "<typed>")]
pub(super) async fn submit(
    typed: Form<AgainForm>,
    own: OwnForm<'_>,
    client: Client,
    member: Member,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    limits: &State<Limits>,
) -> Result<Either<Redirect, Html<AgainView>>, Refusal> {
    let AgainForm { password, next, csrf } = typed.into_inner();
    let next = NextPath::parse(&next).unwrap_or_else(NextPath::home);
    own.check(&csrf)?;
    // A password alone proves nothing of whoever has a second factor.
    if doorstep.auth.needs_second_factor(&member.person.id).await? {
        return Ok(Either::Left(Redirect::to(again_href(&next))));
    }
    match doorstep.auth.prove_again(&member, password.0, &client, own.token()).await {
        Ok(Some(proved)) => {
            let lasts = proved.session.absolute_end.since(proved.session.proved_at);
            doorstep.cookies.keep_session(&proved.token, lasts);
            doorstep.cookies.keep_device(&proved.device);
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        // The session has ended meanwhile: the form leads to the one for signing in.
        Ok(None) => Ok(Either::Left(Redirect::to(again_href(&next)))),
        Err(refusal) => {
            let (status, said) = words(&doorstep, &refusal)?;
            Ok(Either::Right(form(&member, chrome, limits, &next, Some(said)).with_status(status)))
        }
    }
}

fn form(member: &Member, chrome: Chrome, limits: &Limits, next: &NextPath, said: Option<Said>) -> Html<AgainView> {
    let view = AgainView {
        said,
        username: member.person.qualified_name(),
        holds_for: in_words(limits.recent),
        next: next.to_string(),
    };
    Html::new("auth/again", "Your password again", chrome, view)
}

/// Their name is settled here, so a refusal speaks of the password alone.
fn words(doorstep: &Doorstep<'_>, refusal: &SignInRefusal) -> Result<(Status, Said), Refusal> {
    match refusal {
        SignInRefusal::WrongCredentials | SignInRefusal::Throttled { .. } => {
            let text = "That is not your password. After several wrong tries, wait a few minutes before the next.";
            Ok((Status::Unauthorized, Said { tone: Tone::Warn, text: text.to_owned() }))
        }
        refusal => doorstep.words(refusal),
    }
}
