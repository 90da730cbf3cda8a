//! Every result code that a server may answer with, at each step of a sign-in and of a password change: an answer is never taken
//! for silence, and none lets anybody in.

use belvedere::directory::{
    ChangeRefusal, Directory as _, DirectoryRefusal, LdapDirectory, PasswordChange, PasswordFate, Unreachable,
};
use belvedere::domain::{Password, Username};

use crate::directory_sign_in::{AlwaysAllowed, open, settings, sign_in, with_account};
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::ldap_requests::{LdapRequest, SearchScope};
use crate::harness::{samba, slapd};

/// The numbers of requests (RFC 4511, 4.6 and 4.12).
const MODIFY: u64 = 6;
const EXTENDED: u64 = 23;

/// Every code of RFC 4511 but those for success, with those of RFC 3909, 4370, 4528, 4531 and 4533, one of Netscape's, and two
/// that nobody has defined.
fn codes() -> impl Iterator<Item = u32> {
    let standard = (1..=80).filter(|code| !matches!(code, 4 | 9 | 15 | 22..=31 | 37..=47 | 55..=63 | 70 | 72..=79));
    standard.chain([76, 77, 113, 118, 119, 120, 121, 122, 123, 4096, 16654])
}

/// The refusal is about the person, or tells that and how the server answered.
fn is_no_silence(step: &str, code: u32, refusal: &DirectoryRefusal, fate: PasswordFate) {
    match refusal {
        DirectoryRefusal::Unreachable(Unreachable { reason, password, result_code }) => {
            assert_eq!((*result_code, *password), (Some(code), fate), "{step} {code}: {reason}");
            assert!(reason.contains(&format!("result {code}")), "{step} {code}: {reason}");
        }
        DirectoryRefusal::WrongCredentials | DirectoryRefusal::Locked | DirectoryRefusal::NotJudged { .. } => {
            assert!(step == "bind" && matches!(code, 19 | 32 | 34 | 48 | 49 | 50 | 53 | 123), "{step} {code}: {refusal}");
        }
        other => panic!("{step} {code}: {other}"),
    }
}

async fn change(directory: &LdapDirectory, name: &str, password: &str) -> Result<(), ChangeRefusal> {
    let password = || Password::parse(password.to_owned()).unwrap();
    // Whatever the server makes of it, the password stays what it is.
    let change = PasswordChange { old: password(), new: password() };
    directory.change_password(&Username::parse(name).unwrap(), &change, &AlwaysAllowed).await.map(drop)
}

fn is_answered_change(code: u32, refused: Result<(), ChangeRefusal>) {
    match refused {
        Err(ChangeRefusal::Policy { .. }) => assert_eq!(code, 19),
        Err(ChangeRefusal::NotHere { .. }) => assert!(matches!(code, 2 | 8 | 13 | 50 | 53), "{code}"),
        Err(ChangeRefusal::OldPassword(DirectoryRefusal::WrongCredentials)) => assert_eq!(code, 49),
        Err(ChangeRefusal::OldPassword(refusal)) => is_no_silence("change", code, &refusal, PasswordFate::Answered),
        Err(refused @ ChangeRefusal::Unanswered { .. }) => panic!("{code}: {refused}"),
        Ok(()) => panic!("{code}: nothing was changed"),
    }
}

#[tokio::test]
async fn on_openldap_no_code_is_silence_or_lets_anybody_in() {
    let Some(server) = slapd::server() else { return };
    server.hire("coded");
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let settings = settings(&[proxy.url()], &server.ca_file);
    for code in codes() {
        for (step, fate) in
            [("search", PasswordFate::NotSent), ("bind", PasswordFate::Answered), ("groups", PasswordFate::Answered)]
        {
            proxy.set_when(
                move |request| match request {
                    LdapRequest::Bind(name) => step == "bind" && name.contains("coded"),
                    LdapRequest::Search(search) if search.scope == SearchScope::Base => {
                        step == "groups" && search.base.contains("coded")
                    }
                    LdapRequest::Search(search) => step == "search" && search.filter.contains("coded"),
                    LdapRequest::Other(_) => false,
                },
                Fault::Result(code),
            );
            let refusal = sign_in(&open(&settings), "coded", slapd::PASSWORD).await.unwrap_err();
            is_no_silence(step, code, &refusal, fate);
            proxy.set(Fault::Pass).await;
        }
        proxy.set_when(|request| *request == LdapRequest::Other(EXTENDED), Fault::Result(code));
        is_answered_change(code, change(&open(&settings), "coded", slapd::PASSWORD).await);
        proxy.set(Fault::Pass).await;
    }
    assert!(sign_in(&open(&settings), "coded", slapd::PASSWORD).await.is_ok(), "and without a fault they get in");
}

#[tokio::test]
async fn on_active_directory_no_code_is_silence_or_lets_anybody_in() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("coded");
    let proxy = FaultProxy::with_tls(&domain.ldaps_url(), &domain.ca_file).await;
    let settings = settings(&[proxy.url()], &proxy.ca_file());
    let directory = || open(&with_account(settings.clone(), samba::SERVICE_ACCOUNT, samba::PASSWORD));
    for code in codes() {
        proxy.set_at_bind("coded", Fault::Result(code));
        let refusal = sign_in(&directory(), "coded", samba::PASSWORD).await.unwrap_err();
        is_no_silence("bind", code, &refusal, PasswordFate::Answered);
        proxy.set(Fault::Pass).await;
        proxy.set_when(|request| *request == LdapRequest::Other(MODIFY), Fault::Result(code));
        is_answered_change(code, change(&directory(), "coded", samba::PASSWORD).await);
        proxy.set(Fault::Pass).await;
    }
    assert!(sign_in(&directory(), "coded", samba::PASSWORD).await.is_ok(), "and without a fault they get in");
}
