use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, get, post};

use super::sign_in_context::{PasswordField, SignInContext, SignInResponse};
use crate::auth::{Auth, CsrfBinding, NextPath, PasswordChangeRefusal, PasswordChangeRequest, PasswordChanged, SignInRefusal};
use crate::directory::{PasswordRule, PasswordState, Unreachable};
use crate::domain::{Client, Member, Username, Visitor};
use crate::web::form::Form;
use crate::web::guards::{QueryParams, SameOrigin, href_with_next, sign_in_href};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, PasswordView, Tone};

/// The path of a member's form.
const MEMBER_FORM_PATH: &str = "/account/password";

/// The account page, once the password is changed.
const CHANGED_PATH: &str = "/account?password=changed";

/// The account page, when other sessions could not be ended.
const CHANGED_BUT_SESSIONS_LEFT_PATH: &str = "/account?password=changed-here";

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
    #[field(default = String::new())]
    csrf: String,
}

/// Redirects, since nobody begins here: the sign-in leads on whoever must change their password, and a member has a
/// form of their own.
#[get("/password")]
pub(super) fn redirect_to_form(params: QueryParams, visitor: Visitor) -> Redirect {
    match visitor {
        Visitor::Member(_) => Redirect::to(MEMBER_FORM_PATH),
        Visitor::Anonymous | Visitor::Unconfirmed => {
            let next = params.get("next").and_then(NextPath::parse).unwrap_or_else(NextPath::home);
            Redirect::to(sign_in_href(next.as_str()))
        }
    }
}

/// Changes the password of somebody who must do so before they can sign in, and signs them in.
#[post("/password", data = "<form>")]
pub(super) async fn change_and_sign_in(
    form: Form<PasswordForm>,
    client: Client,
    _from_here: SameOrigin,
    visitor: Visitor,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<SignInResponse, Refusal> {
    let PasswordForm { username, old, new, again, next, csrf } = form.into_inner();
    let next = NextPath::parse(&next).unwrap_or_else(NextPath::home);
    if !context.verify_pre_session_csrf(&csrf) {
        context.audit_forgery(&visitor, &client);
        let text = "This form was open for a long time, or this browser keeps no cookies. Please fill it in again.";
        let notice = Notice { tone: Tone::Info, text: text.to_owned() };
        let form = anonymous_form(&context, layout, &next, &username, notice)?;
        return Ok(Either::Right(Either::Right(form.with_status(Status::BadRequest))));
    }
    if !context.auth.changes_passwords(&username, PasswordState::Good) {
        return Err(Refusal::NotFound);
    }
    let request = PasswordChangeRequest { old: old.0, new: new.0, new_repeated: again.0 };
    let previous = context.cookies.session();
    match context.auth.change_password(&username, request, &client, previous.as_ref()).await {
        Ok(changed) => finish_change(&context, layout, changed, &next, &username),
        Err(refusal) => {
            let (status, notice) = error_notice(&context, &refusal)?;
            let form = anonymous_form(&context, layout, &next, &username, notice)?;
            Ok(Either::Right(Either::Right(form.with_status(status))))
        }
    }
}

/// A member's form.
#[get("/account/password")]
pub(super) fn show(member: Member, layout: Layout, context: SignInContext<'_>) -> Result<Html<PasswordView>, Refusal> {
    let name = context.auth.password_change_name(&member.person).ok_or(Refusal::NotFound)?;
    Ok(member_form(layout, &name, None))
}

/// Changes a member's password, and gives this browser a new session.
#[post("/account/password", data = "<form>")]
pub(super) async fn change(
    form: Form<PasswordForm>,
    client: Client,
    _from_here: SameOrigin,
    member: Member,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<SignInResponse, Refusal> {
    let PasswordForm { old, new, again, csrf, .. } = form.into_inner();
    let previous = context.cookies.session().ok_or(Refusal::CsrfMismatch)?;
    if !context.auth.keys().verify_csrf_token(CsrfBinding::Session(&previous), &csrf) {
        return Err(Refusal::CsrfMismatch);
    }
    let name = context.auth.password_change_name(&member.person).ok_or(Refusal::NotFound)?;
    let request = PasswordChangeRequest { old: old.0, new: new.0, new_repeated: again.0 };
    match context.auth.change_password(name.as_str(), request, &client, Some(&previous)).await {
        Ok(changed) => {
            let next = NextPath::parse(CHANGED_PATH).unwrap_or_else(NextPath::home);
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
    layout.banners.retain(|note| note.link.as_ref().is_none_or(|link| link.href != MEMBER_FORM_PATH));
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
        return Ok(Either::Left(Redirect::to(href_with_next("/login/factor", next.as_str()))));
    }
    let Some(signed_in) = changed.signed_in else {
        context.cookies.remove_session();
        (layout.visitor, layout.banners) = (None, Vec::new());
        let text = "Your password is changed. Sign in with the new one.";
        let notice = Notice { tone: Tone::Info, text: text.to_owned() };
        return Ok(Either::Right(Either::Left(context.sign_in_form(layout, next, username, Some(notice))?)));
    };
    context.set_session_cookie(&signed_in.token);
    context.cookies.set_device(&signed_in.device_cookie);
    let onward = if changed.others_ended { next.to_string() } else { CHANGED_BUT_SESSIONS_LEFT_PATH.to_owned() };
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
        PasswordChangeRefusal::Old(SignInRefusal::WrongCredentials | SignInRefusal::Throttled { .. }) => warn(
            Status::Unauthorized,
            "The current password did not match. After several wrong tries, wait a few minutes before the next.",
        ),
        PasswordChangeRefusal::Old(SignInRefusal::DirectoryUnreachable(Unreachable { password_sent, .. })) => {
            let text = if *password_sent {
                "The company directory did not answer in time. Your password may have been changed all the same: try \
                 to sign in with the new one first."
            } else {
                "The company directory cannot be reached right now. Your password is what it was. Try again in a minute."
            };
            Ok((Status::ServiceUnavailable, Notice { tone: Tone::Bad, text: text.to_owned() }))
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
        for path in [CHANGED_PATH, CHANGED_BUT_SESSIONS_LEFT_PATH] {
            assert_eq!(NextPath::parse(path).unwrap().as_str(), path);
        }
    }
}
