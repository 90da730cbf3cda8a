use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use super::sign_in_context::{PasswordField, SignInContext, SignInResponse, directory_trouble};
use crate::auth::{Auth, NextPath, PasswordChangeRefusal, PasswordChangeRequest, PasswordChanged, SignInRefusal};
use crate::directory::{PasswordFate, PasswordRule, PasswordState};
use crate::domain::{Member, Username, Visitor};
use crate::web::guards::{CsrfForm, PreSessionForm, QueryParams, SameOrigin, StaleForm};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, PasswordView, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![show, change]
}

/// The routes for somebody who is not signed in, below the sign-in's.
pub(super) fn sign_in_routes() -> Vec<Route> {
    routes![redirect_to_form, change_and_sign_in]
}

/// The link to a member's form.
fn member_form_link() -> Link {
    Link::to("account/password")
}

/// The link to the account page once the password is changed; `others_ended` unless other sessions go on.
fn changed_link(others_ended: bool) -> Link {
    Link::to("account").with("password", if others_ended { "changed" } else { "changed-here" })
}

/// The form for a new password. Missing fields are empty, and refused as such.
#[derive(FromForm)]
pub(super) struct PasswordForm {
    #[field(default = String::new())]
    username: String,
    old: PasswordField,
    new: PasswordField,
    again: PasswordField,
    #[field(default = String::new())]
    next: String,
}

/// Redirects, since nobody begins here: the sign-in leads on whoever must change their password, and a member has a
/// form of their own.
#[get("/")]
fn redirect_to_form(params: QueryParams, visitor: Visitor) -> Redirect {
    match visitor {
        Visitor::Member(_) => Redirect::to(member_form_link()),
        Visitor::Anonymous | Visitor::Unconfirmed => {
            let next = NextPath::or_home(params.get("next").unwrap_or_default());
            Redirect::to(Link::sign_in(next.as_str()))
        }
    }
}

/// Changes the password of somebody who must do so before they can sign in, and signs them in.
#[post("/", data = "<form>")]
async fn change_and_sign_in(
    form: PreSessionForm<'_, PasswordForm>,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<SignInResponse, Refusal> {
    let PasswordForm { username, old, new, again, next } = match form.0 {
        Ok(form) => form.into_inner(),
        Err(StaleForm(PasswordForm { username, next, .. })) => {
            let text = "This form was open for a long time, or this browser keeps no cookies. Please fill it in again.";
            let notice = Notice { tone: Tone::Info, text: text.to_owned() };
            let form = anonymous_form(&context, layout, &NextPath::or_home(&next), &username, notice)?;
            return Ok(Either::Right(Either::Right(form.with_status(Status::BadRequest))));
        }
    };
    let next = NextPath::or_home(&next);
    if !context.auth.changes_passwords(&username, PasswordState::Good) {
        return Err(Refusal::NotFound);
    }
    let request = PasswordChangeRequest { old: old.0, new: new.0, new_repeated: again.0 };
    let previous = context.cookies.session();
    match context.auth.change_password(&username, request, &context.client, previous.as_ref()).await {
        Ok(changed) => finish_change(&context, layout, changed, &next, &username),
        Err(refusal) => {
            let (status, notice) = error_notice(&context, &refusal)?;
            let form = anonymous_form(&context, layout, &next, &username, notice)?;
            Ok(Either::Right(Either::Right(form.with_status(status))))
        }
    }
}

/// A member's form.
#[get("/")]
fn show(member: Member, layout: Layout, context: SignInContext<'_>) -> Result<Html<PasswordView>, Refusal> {
    let name = context.auth.password_change_name(&member.person).ok_or(Refusal::NotFound)?;
    Ok(member_form(layout, &name, None))
}

/// Changes a member's password, and gives this browser a new session.
#[post("/", data = "<form>")]
async fn change(
    form: CsrfForm<'_, PasswordForm>,
    _from_here: SameOrigin,
    member: Member,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<SignInResponse, Refusal> {
    let previous = form.binding().clone();
    let PasswordForm { old, new, again, .. } = form.into_inner();
    let name = context.auth.password_change_name(&member.person).ok_or(Refusal::NotFound)?;
    let request = PasswordChangeRequest { old: old.0, new: new.0, new_repeated: again.0 };
    match context.auth.change_password(name.as_str(), request, &context.client, Some(&previous)).await {
        Ok(changed) => {
            let next = NextPath::or_home(changed_link(true).as_str());
            finish_change(&context, layout, changed, &next, name.as_str())
        }
        Err(refusal) => {
            let (status, notice) = error_notice(&context, &refusal)?;
            Ok(Either::Right(Either::Right(member_form(layout, &name, Some(notice)).with_status(status))))
        }
    }
}

/// The notice above the form for a new password, when a sign-in was refused for want of one and it can be changed
/// here.
pub(super) fn change_required_notice(auth: &Auth, refusal: &SignInRefusal, username: &str) -> Option<Notice> {
    let (state, text) = match refusal {
        SignInRefusal::PasswordExpired => {
            (PasswordState::Expired, "Your password has expired. Choose a new one, and you are signed in with it.")
        }
        SignInRefusal::MustChangePassword => (
            PasswordState::MustChange,
            "Your password must be changed before you can sign in. Choose a new one, and you are signed in with it.",
        ),
        _ => return None,
    };
    auth.changes_passwords(username, state).then(|| Notice { tone: Tone::Warn, text: text.to_owned() })
}

/// The form for somebody who is not signed in.
pub(super) fn anonymous_form(
    context: &SignInContext<'_>,
    layout: Layout,
    next: &NextPath,
    username: &str,
    notice: Notice,
) -> Result<Html<PasswordView>, Refusal> {
    let view = PasswordView {
        notice: Some(notice),
        is_member: false,
        is_local: false,
        username: username.to_owned(),
        next: next.to_string(),
        csrf: context.pre_session_csrf_token()?,
    };
    Ok(Html::new("auth/password", "Change your password", layout, view))
}

fn member_form(mut layout: Layout, name: &Username, notice: Option<Notice>) -> Html<PasswordView> {
    // Whoever is here need not be told to come here.
    layout.banners.retain(|note| note.link.as_ref().is_none_or(|link| link.href != member_form_link()));
    let view = PasswordView {
        notice,
        is_member: true,
        is_local: layout.visitor.as_ref().is_some_and(|who| who.is_local),
        username: name.as_str().to_owned(),
        next: String::new(),
        csrf: layout.csrf.clone(),
    };
    Html::new("auth/password", "Change your password", layout, view)
}

/// Finishes a change: redirects with the new session, or to the sign-in form when the directory failed them just then.
fn finish_change(
    context: &SignInContext<'_>,
    mut layout: Layout,
    changed: PasswordChanged,
    next: &NextPath,
    username: &str,
) -> Result<SignInResponse, Refusal> {
    if let Some(pending) = changed.second_factor {
        context.cookies.remove_session();
        context.cookies.set_pending(&pending);
        return Ok(Either::Left(Redirect::to(Link::second_step(next))));
    }
    let Some(signed_in) = changed.signed_in else {
        context.cookies.remove_session();
        (layout.visitor, layout.banners) = (None, Vec::new());
        let text = "Your password is changed. Sign in with the new one.";
        let notice = Notice { tone: Tone::Info, text: text.to_owned() };
        return Ok(Either::Right(Either::Left(context.sign_in_form(layout, next, username, Some(notice))?)));
    };
    context.set_cookies(&signed_in);
    let onward = if changed.others_ended { next.to_string() } else { changed_link(false).to_string() };
    Ok(Either::Left(Redirect::to(onward)))
}

/// The notice above the form about a refusal.
fn error_notice(context: &SignInContext<'_>, refusal: &PasswordChangeRefusal) -> Result<(Status, Notice), Refusal> {
    let warn = |status, text: &str| Ok((status, Notice { tone: Tone::Warn, text: text.to_owned() }));
    match refusal {
        PasswordChangeRefusal::NewEmpty => warn(Status::BadRequest, "Choose a new password."),
        PasswordChangeRefusal::NotRepeated => warn(Status::BadRequest, "The new password was not typed the same both times."),
        PasswordChangeRefusal::Unchanged => warn(Status::BadRequest, "The new password is the one you have. Choose another."),
        PasswordChangeRefusal::NotAPassword => {
            warn(Status::BadRequest, "The new password is too long, or has a character that no password can have.")
        }
        PasswordChangeRefusal::Policy { rule, words } => warn(Status::BadRequest, &policy_text(*rule, words.as_deref())),
        PasswordChangeRefusal::NotHere => warn(
            Status::Forbidden,
            &format!(
                "Your password cannot be changed here. Change it on your computer (Ctrl-Alt-Del on Windows). If that \
                 does not work: {}",
                context.contact_advice()
            ),
        ),
        PasswordChangeRefusal::Unanswered => {
            let text = "The company directory did not answer in time. Your password may have been changed all the same: try to \
                        sign in with the new one first.";
            Ok((Status::ServiceUnavailable, Notice { tone: Tone::Bad, text: text.to_owned() }))
        }
        PasswordChangeRefusal::Old(SignInRefusal::WrongCredentials) => {
            warn(Status::Unauthorized, "The current password did not match. After several wrong tries you have to wait.")
        }
        PasswordChangeRefusal::Old(SignInRefusal::DirectoryUnreachable(unreachable)) => {
            let text = match unreachable.password {
                PasswordFate::Unanswered => {
                    "The company directory did not answer in time. Your password is what it was, and may have been checked all \
                     the same: make sure it is right before you try again in a minute."
                        .to_owned()
                }
                PasswordFate::Answered => {
                    "The company directory answered with a fault of its own. Your password is what it was. Try again in a \
                     minute."
                        .to_owned()
                }
                PasswordFate::NotSent => {
                    format!("{}. Your password is what it was. Try again in a minute.", directory_trouble(unreachable))
                }
            };
            Ok((Status::ServiceUnavailable, Notice { tone: Tone::Bad, text }))
        }
        PasswordChangeRefusal::Old(refusal) => context.error_notice(refusal),
    }
}

/// The text about the rule that a new password breaks. The directory's own words come first where they say more.
fn policy_text(rule: Option<PasswordRule>, theirs: Option<&str>) -> String {
    let ours = match rule {
        Some(PasswordRule::TooShort) => "The new password is too short.",
        Some(PasswordRule::TooLong) => "The new password is too long.",
        Some(PasswordRule::TooSimple) => {
            "The new password is too simple: mix capital and small letters, digits and signs, and leave out your name."
        }
        Some(PasswordRule::InHistory) => "You had this password before. Choose one that is new.",
        Some(PasswordRule::TooYoung) => "Your password was changed so recently that it may not be changed again yet.",
        None => {
            "The new password is against your company's rules: it may be too short, too simple, or one you had before. \
             Or your password was changed so recently that it may not be changed again yet."
        }
    };
    match (rule, theirs) {
        (Some(PasswordRule::TooShort | PasswordRule::TooLong) | None, Some(theirs)) => theirs.to_owned(),
        _ => ours.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn each_broken_rule_has_its_words_and_the_directorys_own_where_they_say_more() {
        let text = "It should be equal or longer than 10 characters.";
        let samba = Some(text);
        assert_eq!(policy_text(Some(PasswordRule::TooShort), samba), text);
        assert_eq!(policy_text(Some(PasswordRule::TooShort), None), "The new password is too short.");
        assert!(policy_text(Some(PasswordRule::InHistory), samba).starts_with("You had this password before."));
        assert_eq!(policy_text(None, samba), text);
        assert!(policy_text(None, None).contains("against your company's rules"));
    }

    #[test]
    fn after_the_change_the_way_leads_to_a_page_of_this_site() {
        let path = changed_link(true);
        assert_eq!(NextPath::parse(path.as_str()).unwrap().as_str(), path.as_str());
    }
}
