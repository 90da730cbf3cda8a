use rocket::form::FromForm;
use rocket::http::Status;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};
use zeroize::Zeroizing;

use super::sign_in_context::{PasswordField, SignInContext};
use crate::accounts::{Invitation, LocalAccounts};
use crate::auth::{AcceptanceRequest, InvitationRefusal, Invitations};
use crate::web::AppState;
use crate::web::guards::PreSessionForm;
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AcceptanceView, InvitationView, Layout, Notice, Tone, account_username};

pub(super) fn routes() -> Vec<Route> {
    routes![show_code_form, show_acceptance_form, accept]
}

/// A redirect, or one of the two forms.
type InvitationResponse = Either<Redirect, Either<Html<InvitationView>, Html<AcceptanceView>>>;

/// The form with an invitation's code, a secret like a password. It comes in a form, as an address would be logged.
#[derive(FromForm)]
pub(super) struct CodeForm {
    code: PasswordField,
}

#[derive(FromForm)]
pub(super) struct AcceptanceForm {
    code: PasswordField,
    #[field(default = String::new())]
    display_name: String,
    new: PasswordField,
    again: PasswordField,
}

/// The form for the code, where the link of an invitation leads. The code stands behind its `#`, which browsers do not
/// send: the page's script puts it into the form, or the guest does.
#[get("/")]
fn show_code_form(layout: Layout, context: SignInContext<'_>) -> Result<Html<InvitationView>, Refusal> {
    code_form(&context, layout, None)
}

/// The context of the handlers for invitations.
pub(super) struct InvitationContext<'r> {
    sign_in: SignInContext<'r>,
    invitations: &'r Invitations,
    accounts: &'r LocalAccounts,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for InvitationContext<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let AppState { invitations, accounts, .. } = AppState::of(request);
        Outcome::Success(Self { sign_in: try_outcome!(request.guard::<SignInContext<'_>>().await), invitations, accounts })
    }
}

/// Looks up the invitation by its code, and shows the form that accepts it.
#[post("/", data = "<form>")]
async fn show_acceptance_form(
    form: PreSessionForm<'_, CodeForm>,
    layout: Layout,
    context: InvitationContext<'_>,
) -> Result<InvitationResponse, Refusal> {
    let Ok(form) = form.0 else { return context.code_form_again(layout) };
    let code = form.into_inner().code;
    match context.invitations.find(&code.0, &context.sign_in.client).await {
        Ok(invitation) => {
            let form = context.acceptance_form(layout, invitation, &code.0, None)?;
            Ok(Either::Right(Either::Right(form)))
        }
        Err(refusal) => context.code_form_after(layout, &refusal),
    }
}

/// Accepts the invitation, and signs the guest in.
#[post("/accept", data = "<form>")]
async fn accept(
    form: PreSessionForm<'_, AcceptanceForm>,
    layout: Layout,
    context: InvitationContext<'_>,
) -> Result<InvitationResponse, Refusal> {
    let Ok(form) = form.0 else { return context.code_form_again(layout) };
    let AcceptanceForm { code, display_name, new, again } = form.into_inner();
    let InvitationContext { sign_in, invitations, .. } = &context;
    let code_again = Zeroizing::new(code.0.to_string());
    let request = AcceptanceRequest { code: code.0, display_name: display_name.clone(), new: new.0, new_repeated: again.0 };
    let refusal = match invitations.accept(request, &sign_in.client, sign_in.cookies.session().as_ref()).await {
        Ok(accepted) => {
            sign_in.set_cookies(&accepted.signed_in);
            // Whose invitation asks for a second factor enrols it first.
            let onward = if accepted.second_factor_required { Link::to("account/factors") } else { Link::home() };
            return Ok(Either::Left(Redirect::to(onward)));
        }
        Err(refusal) => refusal,
    };
    let Some(notice) = error_notice(&refusal) else { return context.code_form_after(layout, &refusal) };
    match invitations.find(&code_again, &sign_in.client).await {
        Ok(mut invitation) => {
            invitation.profile.display_name = display_name;
            let form = context.acceptance_form(layout, invitation, &code_again, Some(notice))?;
            Ok(Either::Right(Either::Right(form.with_status(Status::BadRequest))))
        }
        Err(refusal) => context.code_form_after(layout, &refusal),
    }
}

fn code_form(sign_in: &SignInContext<'_>, layout: Layout, notice: Option<Notice>) -> Result<Html<InvitationView>, Refusal> {
    let view = InvitationView { notice, csrf: sign_in.pre_session_csrf_token()? };
    Ok(Html::new("auth/invitation", "Your invitation", layout, view))
}

impl InvitationContext<'_> {
    fn acceptance_form(
        &self,
        layout: Layout,
        invitation: Invitation,
        code: &str,
        notice: Option<Notice>,
    ) -> Result<Html<AcceptanceView>, Refusal> {
        let profile = invitation.profile;
        let sign_in_mail = profile.mail.as_ref().filter(|mail| self.accounts.is_mail_domain(mail.domain()));
        let view = AcceptanceView {
            notice,
            invited_by: invitation.invited_by,
            username: account_username(&profile),
            mail: sign_in_mail.map(ToString::to_string),
            display_name: profile.display_name,
            min_length: self.accounts.rules().min_length(),
            second_factor: profile.second_factor,
            code: code.to_owned(),
            csrf: self.sign_in.pre_session_csrf_token()?,
        };
        Ok(Html::new("auth/acceptance", "Your invitation", layout, view))
    }

    /// The form for the code again, as no other can be shown.
    fn code_form_after(&self, layout: Layout, refusal: &InvitationRefusal) -> Result<InvitationResponse, Refusal> {
        if let InvitationRefusal::Store(error) = refusal {
            return Err(Refusal::StoreUnavailable(error.to_string()));
        }
        let text = format!(
            "This link opens nothing: it was used before, has expired, was withdrawn, or is not whole. If it was you who \
             used it, sign in. Otherwise ask whoever sent it for another. {}",
            self.sign_in.contact_advice()
        );
        let form = code_form(&self.sign_in, layout, Some(Notice { tone: Tone::Warn, text }))?;
        Ok(Either::Right(Either::Left(form.with_status(Status::NotFound))))
    }

    /// The form for the code again, after a form whose CSRF token was out of date.
    fn code_form_again(&self, layout: Layout) -> Result<InvitationResponse, Refusal> {
        let text = "This form was open for a long time, or this browser keeps no cookies. Please open your link again.";
        let form = code_form(&self.sign_in, layout, Some(Notice { tone: Tone::Info, text: text.to_owned() }))?;
        Ok(Either::Right(Either::Left(form.with_status(Status::BadRequest))))
    }
}

/// The notice above the form about what can be mended there; `None` for the rest.
fn error_notice(refusal: &InvitationRefusal) -> Option<Notice> {
    let text = match refusal {
        InvitationRefusal::NotAName => "Say what you want to be called: a name of up to 256 characters.".to_owned(),
        InvitationRefusal::Empty => "Choose a password.".to_owned(),
        InvitationRefusal::NotRepeated => "The password was not typed the same both times.".to_owned(),
        InvitationRefusal::NotAPassword => "The password is too long, or has a character that no password can have.".to_owned(),
        InvitationRefusal::Password(broken) => broken.to_string(),
        InvitationRefusal::Taken(_) => {
            "The name of this account has become somebody else's. Ask whoever invited you.".to_owned()
        }
        InvitationRefusal::NoSuchInvitation | InvitationRefusal::Store(_) => return None,
    };
    Some(Notice { tone: Tone::Warn, text })
}
