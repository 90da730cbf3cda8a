use rocket::form::{Form, FromForm};
use rocket::response::Redirect;
use rocket::{Either, State, get, post};

use super::doorstep::{Doorstep, TypedPassword};
use super::second_step::{self, Who};
use crate::auth::{NextPath, SignInRefusal};
use crate::domain::{Client, Member};
use crate::web::guards::{Asked, Passkeys, SameOrigin, href_with_next};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{Chrome, ProveAgainView, Said, SecondStepView, Tone};

#[derive(FromForm)]
pub(super) struct AgainForm {
    password: TypedPassword,
    #[field(default = String::new())]
    next: String,
    #[field(default = String::new())]
    csrf: String,
}

/// A member confirms that it is they: with their second factor where they have one, otherwise with their password.
#[get("/again")]
pub(super) async fn ask(
    asked: Asked,
    member: Member,
    chrome: Chrome,
    passkeys: Passkeys,
    doorstep: Doorstep<'_>,
) -> Result<Either<Html<SecondStepView>, Html<ProveAgainView>>, Refusal> {
    let next = asked.get("next").and_then(NextPath::parse).unwrap_or_else(NextPath::home);
    if doorstep.auth.needs_second_factor(&member.person.id).await? {
        let who = Who::Member(Box::new(member));
        return second_step::form(&doorstep, chrome, &passkeys, &who, &next, None).await.map(Either::Left);
    }
    Ok(Either::Right(form(chrome, &member, &next, None)))
}

#[post("/again", data = "<sent>")]
pub(super) async fn prove(
    sent: Form<AgainForm>,
    client: Client,
    _from_here: SameOrigin,
    member: Member,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    limits: &State<Limits>,
) -> Result<Either<Redirect, Html<ProveAgainView>>, Refusal> {
    let AgainForm { password, next, csrf } = sent.into_inner();
    let next = NextPath::parse(&next).unwrap_or_else(NextPath::home);
    if !doorstep.members_form_is_ours(&csrf) {
        return Err(Refusal::FormNotOurs);
    }
    // A password alone proves nothing of whoever has a second factor.
    if doorstep.auth.needs_second_factor(&member.person.id).await? {
        return Ok(Either::Left(Redirect::to(href_with_next("/login/again", next.as_str()))));
    }
    let token = doorstep.cookies.session().ok_or(Refusal::FormNotOurs)?;
    match doorstep.auth.prove_password(&token, &member.person, password.0, &client).await {
        Ok(signed_in) => {
            doorstep.cookies.keep_session(&signed_in.token, limits.session_lasts);
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        Err(refusal) => {
            let (status, mut said) = doorstep.words(&refusal)?;
            if matches!(refusal, SignInRefusal::WrongCredentials | SignInRefusal::Throttled { .. }) {
                let text = "The password did not match. After several wrong tries, wait a few minutes before the next.";
                said = Said { tone: Tone::Warn, text: text.to_owned() };
            }
            Ok(Either::Right(form(chrome, &member, &next, Some(said)).with_status(status)))
        }
    }
}

fn form(chrome: Chrome, member: &Member, next: &NextPath, said: Option<Said>) -> Html<ProveAgainView> {
    let view = ProveAgainView {
        said,
        username: member.person.qualified_name(),
        next: next.to_string(),
        csrf: chrome.csrf.clone(),
    };
    Html::new("auth/prove_again", "Confirm that it is you", chrome, view)
}
