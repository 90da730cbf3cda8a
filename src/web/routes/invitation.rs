use rocket::form::{Form, FromForm};
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use zeroize::Zeroizing;

use super::doorstep::{Doorstep, TypedPassword};
use crate::accounts::{Accounts, Invitation};
use crate::auth::{Guests, InvitationRefusal, TypedAcceptance};
use crate::domain::{Client, DirectoryName, Visitor};
use crate::web::guards::SameOrigin;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{AcceptanceView, Chrome, InvitationView, Said, Tone};

/// Where a guest enrols the second factor that their invitation asks for.
const ENROLMENT: &str = "/account/factors";

/// Where other guests begin.
const HOME: &str = "/";

/// Onward, or one of the two forms.
type Answer = Either<Redirect, Either<Html<InvitationView>, Html<AcceptanceView>>>;

/// The code is a secret like a password. It comes in a form, as an address would be logged.
#[derive(FromForm)]
pub(super) struct CodeForm {
    code: TypedPassword,
    #[field(default = String::new())]
    csrf: String,
}

#[derive(FromForm)]
pub(super) struct AcceptanceForm {
    code: TypedPassword,
    #[field(default = String::new())]
    display_name: String,
    new: TypedPassword,
    again: TypedPassword,
    #[field(default = String::new())]
    csrf: String,
}

/// Where the link of an invitation leads. The code stands behind its `#`, which browsers do not send: the page's script
/// puts it into the form, or the guest does.
#[get("/")]
pub(super) fn ask(chrome: Chrome, doorstep: Doorstep<'_>) -> Result<Html<InvitationView>, Refusal> {
    code_form(&doorstep, chrome, None)
}

/// Takes the code and shows what it is for.
#[post("/", data = "<form>")]
pub(super) async fn show(
    form: Form<CodeForm>,
    client: Client,
    _from_here: SameOrigin,
    visitor: Visitor,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    guests: &State<Guests>,
    accounts: &State<Accounts>,
) -> Result<Answer, Refusal> {
    let CodeForm { code, csrf } = form.into_inner();
    if !doorstep.form_is_ours(&csrf) {
        return not_ours(&doorstep, chrome, &visitor, &client);
    }
    match guests.find(&code.0, &client).await {
        Ok(invitation) => {
            let form = acceptance_form(&doorstep, chrome, accounts, invitation, &code.0, None)?;
            Ok(Either::Right(Either::Right(form)))
        }
        Err(refusal) => refused(&doorstep, chrome, &refusal),
    }
}

/// Accepts the invitation, and signs the guest in.
#[post("/accept", data = "<form>")]
#[expect(clippy::too_many_arguments, reason = "each is a guard, or one thing that is managed")]
pub(super) async fn accept(
    form: Form<AcceptanceForm>,
    client: Client,
    _from_here: SameOrigin,
    visitor: Visitor,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
    guests: &State<Guests>,
    accounts: &State<Accounts>,
    limits: &State<Limits>,
) -> Result<Answer, Refusal> {
    let AcceptanceForm { code, display_name, new, again, csrf } = form.into_inner();
    if !doorstep.form_is_ours(&csrf) {
        return not_ours(&doorstep, chrome, &visitor, &client);
    }
    let code_again = Zeroizing::new(code.0.to_string());
    let typed = TypedAcceptance { code: code.0, display_name: display_name.clone(), new: new.0, again: again.0 };
    let refusal = match guests.accept(typed, &client, doorstep.cookies.session().as_ref()).await {
        Ok(accepted) => {
            doorstep.cookies.keep_session(&accepted.signed_in.token, limits.session_lasts);
            doorstep.cookies.keep_device(&accepted.signed_in.device);
            return Ok(Either::Left(Redirect::to(if accepted.second_factor_required { ENROLMENT } else { HOME })));
        }
        Err(refusal) => refusal,
    };
    let Some(said) = words(&refusal) else { return refused(&doorstep, chrome, &refusal) };
    match guests.find(&code_again, &client).await {
        Ok(mut invitation) => {
            invitation.of.display_name = display_name;
            let form = acceptance_form(&doorstep, chrome, accounts, invitation, &code_again, Some(said))?;
            Ok(Either::Right(Either::Right(form.with_status(Status::BadRequest))))
        }
        Err(refusal) => refused(&doorstep, chrome, &refusal),
    }
}

fn code_form(doorstep: &Doorstep<'_>, chrome: Chrome, said: Option<Said>) -> Result<Html<InvitationView>, Refusal> {
    let view = InvitationView { said, csrf: doorstep.csrf()? };
    Ok(Html::new("auth/invitation", "Your invitation", chrome, view))
}

fn acceptance_form(
    doorstep: &Doorstep<'_>,
    chrome: Chrome,
    accounts: &Accounts,
    invitation: Invitation,
    code: &str,
    said: Option<Said>,
) -> Result<Html<AcceptanceView>, Refusal> {
    let of = invitation.of;
    let view = AcceptanceView {
        said,
        invited_by: invitation.invited_by,
        username: format!("{}\\{}", DirectoryName::LOCAL, of.name),
        mail: of.mail.as_ref().map(ToString::to_string),
        display_name: of.display_name,
        shortest: accounts.rules().shortest(),
        second_factor: of.second_factor,
        code: code.to_owned(),
        csrf: doorstep.csrf()?,
    };
    Ok(Html::new("auth/acceptance", "Your invitation", chrome, view))
}

/// The form for the code again, as no other can be shown.
fn refused(doorstep: &Doorstep<'_>, chrome: Chrome, refusal: &InvitationRefusal) -> Result<Answer, Refusal> {
    if let InvitationRefusal::Store(error) = refusal {
        return Err(Refusal::StoreUnavailable(error.to_string()));
    }
    let text = format!(
        "This link opens nothing: it was used before, has expired, was withdrawn, or is not whole. Ask whoever sent it \
         for another. If it was used, by you: sign in. {}",
        doorstep.ask()
    );
    let form = code_form(doorstep, chrome, Some(Said { tone: Tone::Warn, text }))?;
    Ok(Either::Right(Either::Left(form.with_status(Status::NotFound))))
}

fn not_ours(doorstep: &Doorstep<'_>, chrome: Chrome, visitor: &Visitor, client: &Client) -> Result<Answer, Refusal> {
    doorstep.note_forgery(visitor, client);
    let text = "This form was open for a long time, or this browser keeps no cookies. Please open your link again.";
    let form = code_form(doorstep, chrome, Some(Said { tone: Tone::Info, text: text.to_owned() }))?;
    Ok(Either::Right(Either::Left(form.with_status(Status::BadRequest))))
}

/// What is said above the form for what can be mended there; `None` for the rest.
fn words(refusal: &InvitationRefusal) -> Option<Said> {
    let text = match refusal {
        InvitationRefusal::NotAName => "Say what you want to be called: a name of up to 256 characters.".to_owned(),
        InvitationRefusal::Empty => "Choose a password.".to_owned(),
        InvitationRefusal::NotRepeated => "The password was not typed the same both times.".to_owned(),
        InvitationRefusal::NotAPassword => {
            "The password is too long, or has a character that no password can have.".to_owned()
        }
        InvitationRefusal::Password(broken) => broken.to_string(),
        InvitationRefusal::Taken(_) => {
            "The name of this account has become somebody else's. Ask whoever invited you.".to_owned()
        }
        InvitationRefusal::NoSuchInvitation | InvitationRefusal::Store(_) => return None,
    };
    Some(Said { tone: Tone::Warn, text })
}
