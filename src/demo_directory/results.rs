//! LDAP results: codes with the diagnostic messages that Active Directory sends along.
//!
//! Clients read the Win32 code in front and the sub-code after `data`; the rest is for people.

use ldap3_proto::proto::{LdapResult, LdapResultCode};

use super::accounts::BindOutcome;

/// The operation succeeded.
pub(super) fn success() -> LdapResult {
    result(LdapResultCode::Success, String::new())
}

/// The result of a bind (MS-ADTS 5.1.1.5).
pub(super) fn bind_result(outcome: BindOutcome) -> LdapResult {
    let sub_code = match outcome {
        BindOutcome::Success => return success(),
        BindOutcome::WrongCredentials => "52e",
        BindOutcome::PasswordExpired => "532",
        BindOutcome::Disabled => "533",
        BindOutcome::AccountExpired => "701",
        BindOutcome::MustChangePassword => "773",
        BindOutcome::Locked => "775",
    };
    let text = format!("80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {sub_code}, v4563");
    result(LdapResultCode::InvalidCredentials, text)
}

/// A bind with version 2, or one that does not exist.
pub(super) fn version_not_spoken() -> LdapResult {
    result_with_comment(LdapResultCode::ProtocolError, "00000057", "Only LDAP version 3 is spoken here")
}

/// A SASL bind, or one of an unknown kind: none is offered, as `supportedSASLMechanisms` says by its absence.
pub(super) fn only_simple_binds() -> LdapResult {
    result_with_comment(LdapResultCode::AuthMethodNotSupported, "00002027", "Only simple binds are offered")
}

/// The answer to a search by somebody who has not bound.
pub(super) fn bind_first() -> LdapResult {
    result_with_comment(
        LdapResultCode::OperationsError,
        "000004DC",
        "In order to perform this operation a successful bind must be completed on the connection.",
    )
}

/// An unknown extended operation.
pub(super) fn unknown_extended_operation() -> LdapResult {
    result_with_comment(LdapResultCode::ProtocolError, "0000203D", "Unknown extended request OID")
}

/// The answer to StartTLS, where there is no certificate.
pub(super) fn no_tls() -> LdapResult {
    result_with_comment(LdapResultCode::Unavailable, "00000000", "Error initializing SSL/TLS")
}

/// A critical control this directory does not know.
pub(super) fn unknown_critical_control() -> LdapResult {
    result_with_comment(LdapResultCode::UnavailableCriticalExtension, "00002040", "Unavailable critical extension")
}

/// A control whose value makes no sense.
pub(super) fn bad_control() -> LdapResult {
    result_with_comment(LdapResultCode::UnavailableCriticalExtension, "00000057", "Error processing control")
}

/// The answer to any attempt to change something.
pub(super) fn read_only() -> LdapResult {
    result_with_comment(LdapResultCode::UnwillingToPerform, "00002035", "The embedded directory cannot be changed")
}

/// A base that is no DN.
pub(super) fn bad_name(dn: &str) -> LdapResult {
    result(
        LdapResultCode::InvalidDNSyntax,
        format!("0000208F: NameErr: DSID-03100225, problem 2006 (BAD_NAME), data 8350, best match of:\n\t'{dn}'\n"),
    )
}

/// An entry that is not there. `nearest` is the deepest one above it.
pub(super) fn no_such_object(nearest: &str) -> LdapResult {
    let message =
        format!("0000208D: NameErr: DSID-0310028D, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{nearest}'\n");
    LdapResult { matcheddn: nearest.to_owned(), ..result(LdapResultCode::NoSuchObject, message) }
}

/// `tokenGroups` asked of more than one entry at a time: Win32 8480, `ERROR_DS_NON_BASE_SEARCH`.
pub(super) fn only_at_base() -> LdapResult {
    result_with_comment(
        LdapResultCode::OperationsError,
        "00002120",
        "The requested search operation is only supported for base searches",
    )
}

/// More entries than the client, or the directory, wants in one answer.
pub(super) fn too_many() -> LdapResult {
    result(LdapResultCode::SizeLimitExceeded, String::new())
}

fn result_with_comment(code: LdapResultCode, win32: &str, comment: &str) -> LdapResult {
    result(code, format!("{win32}: LdapErr: DSID-0C090C8F, comment: {comment}, data 0, v4563"))
}

fn result(code: LdapResultCode, message: String) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message, referral: Vec::new() }
}
