use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::accounts::{AccountGroup, AccountProfile, InactiveReason, Invitation, LocalAccount};
use crate::domain::Timestamp;

/// Renders every account and open invitation, as text or as JSON.
pub(super) fn render(accounts: &[LocalAccount], invitations: &[Invitation], now: Timestamp, as_json: bool) -> String {
    if as_json {
        let accounts: Vec<Value> = accounts.iter().map(|account| account_json(account, now)).collect();
        let invitations: Vec<Value> = invitations.iter().map(|invitation| invitation_json(invitation, now)).collect();
        let all = json!({ "accounts": accounts, "invitations": invitations });
        return format!("{all:#}");
    }
    if accounts.is_empty() && invitations.is_empty() {
        return "There is no local account. `belvedere account add` makes one, `belvedere account invite` invites somebody."
            .to_owned();
    }
    let mut text = String::new();
    for account in accounts {
        let mut notes = vec![describe(&account.profile)];
        if let Some(closed) = account.inactive_reason(now) {
            notes.push(inactive_word(closed).to_owned());
        }
        if let (Some(end), None) = (account.profile.expires_at, account.inactive_reason(now)) {
            notes.push(format!("until {}", format_time(end)));
        }
        if account.has_digest {
            notes.push("Digest".to_owned());
        }
        write_row(&mut text, &account.profile, &notes);
    }
    for invitation in invitations {
        let open = if now >= invitation.expires_at { "not accepted until" } else { "invited until" };
        let until = format!("{open} {}, by {}", format_time(invitation.expires_at), invitation.invited_by);
        write_row(&mut text, &invitation.profile, &[describe(&invitation.profile), until]);
    }
    text
}

/// `local\admins and local\guests`, or "no group".
pub(super) fn group_list(groups: &[AccountGroup]) -> String {
    let names: Vec<String> = groups.iter().map(|group| format!("local\\{group}")).collect();
    if names.is_empty() { "no group".to_owned() } else { names.join(", ") }
}

/// A time to the minute, in UTC: `2027-01-31 12:00 UTC`.
pub(super) fn format_time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn write_row(text: &mut String, of: &AccountProfile, notes: &[String]) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{:<24} {}", format!("local\\{}", of.name), notes.join("; "));
}

fn describe(of: &AccountProfile) -> String {
    let mail = of.mail.as_ref().map_or_else(String::new, |mail| format!(" <{mail}>"));
    let factor = if of.second_factor { "; with a second factor" } else { "" };
    // What its owner chose to be called must not write on the terminal.
    let name: String = of.display_name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{name}{mail}; {}{factor}", group_list(&of.groups))
}

fn inactive_word(reason: InactiveReason) -> &'static str {
    match reason {
        InactiveReason::Disabled => "disabled",
        InactiveReason::Expired => "expired",
    }
}

fn account_json(account: &LocalAccount, now: Timestamp) -> Value {
    let mut value = described_json(&account.profile);
    value["created_at"] = json!(account.created_at);
    value["password_set_at"] = json!(account.password_set_at);
    value["state"] = json!(account.inactive_reason(now).map_or("open", inactive_word));
    value["digest"] = json!(account.has_digest);
    value
}

fn invitation_json(invitation: &Invitation, now: Timestamp) -> Value {
    let mut value = described_json(&invitation.profile);
    value["invited_by"] = json!(invitation.invited_by);
    value["created_at"] = json!(invitation.created_at);
    value["accepted_until"] = json!(invitation.expires_at);
    value["state"] = json!(if now >= invitation.expires_at { "expired" } else { "open" });
    value
}

/// The JSON of a profile. Times are milliseconds since the Unix epoch, as everywhere in our JSON.
fn described_json(of: &AccountProfile) -> Value {
    let groups: Vec<&str> = of.groups.iter().map(AccountGroup::as_str).collect();
    json!({
        "name": of.name.as_str(),
        "display_name": of.display_name,
        "mail": of.mail.as_ref().map(crate::accounts::MailAddress::as_str),
        "groups": groups,
        "expires_at": of.expires_at,
        "second_factor": of.second_factor,
    })
}
