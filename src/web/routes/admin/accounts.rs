use std::convert::Infallible;

use rocket::form::FromForm;
use rocket::http::Status;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::accounts::{
    AccountAction, AccountChange, AccountError, AccountGroup, AccountId, AccountProfile, ActionOrigin, end_of_day,
};
use crate::audit::AuditEvent;
use crate::domain::Member;
use crate::web::AppState;
use crate::web::guards::{AdminAct, Administrator, CsrfForm, QueryParams, SiteAddress};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{
    AccountRow, AccountsView, AdminPage, InvitationForm, InvitationLinkView, InvitationRow, Layout, Notice, Tone,
    account_username,
};

pub(super) fn routes() -> Vec<Route> {
    routes![show, invite, withdraw, act]
}

/// The form of a button beside an account or an invitation.
#[derive(FromForm)]
pub(super) struct AccountActionForm<'r> {
    #[field(default = "")]
    id: &'r str,
}

/// The context of the handlers below.
pub(super) struct AccountsContext<'r> {
    state: &'r AppState,
    /// This site's address, as browsers know it.
    site_url: String,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AccountsContext<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let SiteAddress(site_url) = try_outcome!(request.guard::<SiteAddress>().await);
        Outcome::Success(Self { state: AppState::of(request), site_url })
    }
}

#[get("/accounts")]
async fn show(
    params: QueryParams,
    administrator: Administrator,
    layout: Layout,
    context: AccountsContext<'_>,
) -> Result<Html<AccountsView>, Refusal> {
    let Administrator(member) = administrator;
    context.render(layout, &member, notice(params.get("done")), None, None).await
}

/// Invites somebody. The link is in the answer itself and nowhere else: it cannot be shown a second time.
#[post("/accounts/invite", data = "<form>")]
async fn invite(
    form: CsrfForm<'_, InvitationForm>,
    act: AdminAct<'_>,
    layout: Layout,
    context: AccountsContext<'_>,
) -> Result<Html<AccountsView>, Refusal> {
    let (member, form) = (&act.admin, form.into_inner());
    let refused = |text: String| Notice { tone: Tone::Warn, text };
    let profile = match parse_profile(&form) {
        Ok(profile) => profile,
        Err(text) => {
            let page = context.render(layout, member, Some(refused(text)), None, Some(form)).await?;
            return Ok(page.with_status(Status::BadRequest));
        }
    };
    match context.state.accounts.invite(profile, &member.person.display_name, ActionOrigin::Server).await {
        Ok((code, invitation)) => {
            audit(&act, AccountAction::Invited, invitation.profile.name.as_str());
            let link = InvitationLinkView {
                href: format!("{}{}#{}", context.site_url, Link::to("invitation"), *code.reveal()),
                username: account_username(&invitation.profile),
                expires_ms: invitation.expires_at,
            };
            context.render(layout, member, None, Some(link), None).await
        }
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(error) => {
            let notice = refused(format!("{error}."));
            let page = context.render(layout, member, Some(notice), None, Some(form)).await?;
            Ok(page.with_status(Status::Conflict))
        }
    }
}

#[post("/accounts/withdraw", data = "<form>")]
async fn withdraw(
    form: CsrfForm<'_, AccountActionForm<'_>>,
    act: AdminAct<'_>,
    context: AccountsContext<'_>,
) -> Result<Redirect, Refusal> {
    let id = form.id.parse().map_err(|_| Refusal::NotFound)?;
    match context.state.accounts.withdraw(id, ActionOrigin::Server).await {
        Ok(invitation) => {
            audit(&act, AccountAction::Withdrawn, invitation.profile.name.as_str());
            Ok(redirect_to_list("withdrawn"))
        }
        Err(error) => redirect_if_gone(error),
    }
}

/// Disables, enables or removes an account; its sessions and boards are told by the store's watch.
#[post("/accounts/<action>", rank = 2, data = "<form>")]
async fn act(
    action: &str,
    form: CsrfForm<'_, AccountActionForm<'_>>,
    act: AdminAct<'_>,
    context: AccountsContext<'_>,
) -> Result<Redirect, Refusal> {
    let id = AccountId::parse(form.id).ok_or(Refusal::NotFound)?;
    let closes = matches!(action, "disable" | "remove");
    if closes && id.person_id() == act.admin.person.id {
        let why = "you would shut yourself out; another admin can do it, or `belvedere account` on the server";
        return Err(Refusal::BadRequest(why.to_owned()));
    }
    let (change, word) = match action {
        "disable" => (AccountChange::Disabled(true), "disabled"),
        "enable" => (AccountChange::Disabled(false), "enabled"),
        "remove" => (AccountChange::Removed, "removed"),
        _ => return Err(Refusal::NotFound),
    };
    let noted = change.action();
    match context.state.accounts.change(&id, change, ActionOrigin::Server).await {
        Ok(account) => {
            audit(&act, noted, account.profile.name.as_str());
            Ok(redirect_to_list(word))
        }
        Err(error) => redirect_if_gone(error),
    }
}

impl AccountsContext<'_> {
    async fn render(
        &self,
        layout: Layout,
        member: &Member,
        notice: Option<Notice>,
        link: Option<InvitationLinkView>,
        input: Option<InvitationForm>,
    ) -> Result<Html<AccountsView>, Refusal> {
        let now = self.state.clock.now();
        let (accounts, invitations) = (self.state.accounts.all().await?, self.state.accounts.invitations().await?);
        let view = AccountsView {
            navigation: AdminPage::Accounts.navigation(),
            notice,
            link,
            accounts: accounts.iter().map(|account| AccountRow::of(account, &member.person.id, now)).collect(),
            invitations: invitations.iter().map(|invitation| InvitationRow::of(invitation, now)).collect(),
            input: input.unwrap_or_default(),
        };
        Ok(Html::new("admin/accounts", "Local accounts", layout, view))
    }
}

fn audit(act: &AdminAct<'_>, done: AccountAction, account: &str) {
    act.record(&AuditEvent::AccountAction { act: done.as_str(), account, by: Some(&act.admin.person) });
}

/// Parses the account that the form describes; or the message about what does not work.
fn parse_profile(form: &InvitationForm) -> Result<AccountProfile, String> {
    let sentence = |error: &dyn std::fmt::Display| format!("{error}.");
    let name = form.name.parse().map_err(|error| sentence(&error))?;
    let display_name = form.display_name.trim();
    let mut profile = AccountProfile::named(name, if display_name.is_empty() { form.name.trim() } else { display_name });
    if !form.mail.trim().is_empty() {
        profile.mail = Some(form.mail.parse().map_err(|error| sentence(&error))?);
    }
    let groups = form.groups.split([',', ' ']).map(|group| group.trim().trim_start_matches("local\\"));
    let groups: Result<Vec<AccountGroup>, _> = groups.filter(|group| !group.is_empty()).map(str::parse).collect();
    profile.groups = groups.map_err(|error| sentence(&error))?;
    if !form.expires.trim().is_empty() {
        profile.expires_at = Some(end_of_day(&form.expires).map_err(|error| sentence(&error))?);
    }
    profile.second_factor = form.second_factor;
    Ok(profile)
}

fn redirect_to_list(word: &str) -> Redirect {
    Redirect::to(Link::to("admin/accounts").with("done", word))
}

/// Leads back to the list when the account or invitation is gone: it was withdrawn, accepted or removed meanwhile.
fn redirect_if_gone(error: AccountError) -> Result<Redirect, Refusal> {
    match error {
        AccountError::Store(error) => Err(error.into()),
        _ => Ok(redirect_to_list("gone")),
    }
}

/// The notice after an action, by the query string. Whoever makes up such an address fools themselves alone.
fn notice(word: Option<&str>) -> Option<Notice> {
    let text = match word? {
        "disabled" => "The account is disabled. Where it was signed in, it is signed out.",
        "enabled" => "The account is enabled: its owner may sign in again.",
        "removed" => "The account is removed. Where it was signed in, it is signed out.",
        "withdrawn" => "The invitation is withdrawn: its link opens nothing any more.",
        "gone" => "That was gone already. This is how things stand now.",
        _ => return None,
    };
    Some(Notice { tone: Tone::Info, text: text.to_owned() })
}
