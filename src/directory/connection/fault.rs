use std::fmt;

use ldap3::LdapResult;

use super::refusal::{DirectoryRefusal, PasswordFate, Unreachable};
use crate::config::ServerAddress;

/// The most of a server's own words that goes into a reason: enough for any message of Active Directory's.
const MAX_DIAGNOSTIC_CHARS: usize = 200;

/// A failed operation on one server: the refusal it leads to, and the details for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) struct OperationFault {
    pub(in crate::directory) refusal: DirectoryRefusal,
    pub(in crate::directory) operation: OperationKind,
    /// The server's result code (RFC 4511, 4.1.9), when it gave one.
    pub(in crate::directory) result_code: Option<u32>,
    /// Active Directory's sub-code behind result 49.
    pub(in crate::directory) sub_code: Option<u32>,
    /// Whether the connection or the server failed, rather than the request being refused.
    pub(in crate::directory) connection_failed: bool,
    /// For the log alone: the cause of a refusal, which nobody hears before they have proved who they are.
    pub(in crate::directory) cause: Option<String>,
}

/// The kind of LDAP operation; the log's field `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum OperationKind {
    Dial,
    RootDse,
    ServiceBind,
    Search,
    Bind,
    ChangePassword,
}

impl OperationKind {
    /// Its name in the log and in metrics.
    pub(in crate::directory) fn word(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::RootDse => "root-dse",
            Self::ServiceBind => "service-bind",
            Self::Search => "search",
            Self::Bind => "bind",
            Self::ChangePassword => "change-password",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl OperationFault {
    /// A fault where no answer about a person could be had.
    pub(in crate::directory) fn unreachable(operation: OperationKind, reason: impl Into<String>) -> Self {
        let refusal = DirectoryRefusal::Unreachable(Unreachable::new(reason));
        Self { refusal, operation, result_code: None, sub_code: None, connection_failed: false, cause: None }
    }

    /// A fault of the connection: it broke, or could not be made.
    pub(in crate::directory) fn connection_failed(operation: OperationKind, reason: impl Into<String>) -> Self {
        Self { connection_failed: true, ..Self::unreachable(operation, reason) }
    }

    /// A refusal of the person before, or without, an answer of the server's.
    pub(in crate::directory) fn refused(operation: OperationKind, refusal: DirectoryRefusal) -> Self {
        Self { refusal, operation, result_code: None, sub_code: None, connection_failed: false, cause: None }
    }

    /// A fault from a result that is no answer about a person; `what` says what the server refused.
    pub(in crate::directory) fn from_result(operation: OperationKind, result: &LdapResult, what: &str) -> Self {
        let reason = format!("{what}: {}{}", describe_result(result), remedy(operation, result.rc));
        let unreachable = Unreachable { result_code: Some(result.rc), ..Unreachable::new(reason) };
        Self { result_code: Some(result.rc), ..Self::refused(operation, unreachable.into()) }
    }

    /// Adds the cause of a refusal, for the log.
    pub(in crate::directory) fn with_cause(mut self, cause: String) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Sets what had become of a person's password by then.
    pub(in crate::directory) fn with_password_fate(mut self, fate: PasswordFate) -> Self {
        if let DirectoryRefusal::Unreachable(Unreachable { password, .. }) = &mut self.refusal {
            *password = fate;
        }
        self
    }

    /// Puts the server that it happened at before the reason.
    pub(in crate::directory) fn at_server(mut self, server: &ServerAddress) -> Self {
        if let DirectoryRefusal::Unreachable(Unreachable { reason, .. }) = &mut self.refusal {
            let place = format!("{server}: ");
            if !reason.starts_with(&place) {
                reason.insert_str(0, &place);
            }
        }
        self
    }

    /// The reason, when no answer could be had.
    pub(in crate::directory) fn reason(&self) -> Option<&str> {
        match &self.refusal {
            DirectoryRefusal::Unreachable(Unreachable { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    /// Puts `advice` behind the reason.
    pub(in crate::directory) fn with_advice(mut self, advice: &str) -> Self {
        if let DirectoryRefusal::Unreachable(Unreachable { reason, .. }) = &mut self.refusal {
            reason.push_str("; ");
            reason.push_str(advice);
        }
        self
    }

    /// Whether the next server of the list could answer otherwise. A server that understood and declined speaks for
    /// all of them: asking on would only repeat a refused service password, server after server.
    pub(super) fn another_server_may_help(&self) -> bool {
        self.reason().is_some() && (self.connection_failed || self.is_overloaded())
    }

    /// Whether the server said that it cannot do its work now.
    pub(super) fn is_overloaded(&self) -> bool {
        matches!(self.result_code, Some(result_code::BUSY | result_code::UNAVAILABLE))
    }
}

/// The result codes this room judges (RFC 4511, appendix A).
pub(in crate::directory) mod result_code {
    pub(in crate::directory) const SUCCESS: u32 = 0;
    pub(in crate::directory) const OPERATIONS_ERROR: u32 = 1;
    pub(in crate::directory) const PROTOCOL_ERROR: u32 = 2;
    pub(in crate::directory) const TIME_LIMIT_EXCEEDED: u32 = 3;
    pub(in crate::directory) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(in crate::directory) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(in crate::directory) const REFERRAL: u32 = 10;
    pub(in crate::directory) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
    pub(in crate::directory) const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
    pub(in crate::directory) const CONFIDENTIALITY_REQUIRED: u32 = 13;
    pub(in crate::directory) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(in crate::directory) const NO_SUCH_OBJECT: u32 = 32;
    pub(in crate::directory) const INVALID_DN_SYNTAX: u32 = 34;
    pub(in crate::directory) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(in crate::directory) const INVALID_CREDENTIALS: u32 = 49;
    pub(in crate::directory) const INSUFFICIENT_ACCESS: u32 = 50;
    pub(in crate::directory) const BUSY: u32 = 51;
    pub(in crate::directory) const UNAVAILABLE: u32 = 52;
    pub(in crate::directory) const UNWILLING: u32 = 53;
    /// RFC 4370, 4.
    pub(in crate::directory) const AUTHORIZATION_DENIED: u32 = 123;
}

/// Describes a result: its code, and the server's own text on one line.
pub(in crate::directory) fn describe_result(result: &LdapResult) -> String {
    let text: String = result.text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DIAGNOSTIC_CHARS).collect();
    match text.trim() {
        "" => format!("result {}", result.rc),
        text => format!("result {} \"{text}\"", result.rc),
    }
}

/// The advice for an admin about a result code.
fn remedy(operation: OperationKind, code: u32) -> &'static str {
    let binds = matches!(operation, OperationKind::Bind | OperationKind::ServiceBind);
    match code {
        result_code::CONFIDENTIALITY_REQUIRED => {
            " (it wants an encrypted connection: use an ldaps:// URL, or set start_tls = true)"
        }
        result_code::STRONGER_AUTH_REQUIRED if binds => {
            " (it wants an encrypted connection: use an ldaps:// URL, or set start_tls = true)"
        }
        result_code::REFERRAL => {
            " (it refers to another server, which is never followed: name that server in url, or correct base_dn)"
        }
        result_code::NO_SUCH_OBJECT => " (no such entry, or it may not be seen: check base_dn)",
        result_code::OPERATIONS_ERROR | result_code::STRONGER_AUTH_REQUIRED | result_code::INSUFFICIENT_ACCESS => {
            " (it wants to know who asks: set bind_name and bind_password to an account that may read people and groups)"
        }
        result_code::BUSY | result_code::UNAVAILABLE => {
            " (it is overloaded or stopping: another server in url would take over)"
        }
        result_code::UNWILLING => " (it declines by policy: its own log says why)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] }
    }

    #[test]
    fn a_reason_tells_the_place_the_fault_and_the_remedy() {
        let fault = OperationFault::from_result(
            OperationKind::Bind,
            &result(8, "BindSimple: Transport encryption required."),
            "the server refused the bind",
        );
        let reason = fault.reason().unwrap_or_default();
        assert!(reason.contains("the server refused the bind: result 8 \"BindSimple"), "{reason}");
        assert!(reason.contains("start_tls = true"), "{reason}");
    }

    #[test]
    fn a_servers_words_cannot_forge_lines_or_flood_the_log() {
        let flood = format!("a\nb\r\0{}", "x".repeat(100_000));
        let fault = OperationFault::from_result(OperationKind::Search, &result(80, &flood), "no");
        let reason = fault.reason().unwrap_or_default();
        assert!(!reason.contains(char::is_control));
        assert!(reason.len() < 2 * MAX_DIAGNOSTIC_CHARS);
    }

    #[test]
    fn only_a_server_that_could_not_judge_is_followed_by_the_next() {
        let code = |rc| OperationFault::from_result(OperationKind::ServiceBind, &result(rc, ""), "").another_server_may_help();
        assert!(code(result_code::BUSY) && code(result_code::UNAVAILABLE));
        assert!(!code(result_code::INVALID_CREDENTIALS) && !code(result_code::STRONGER_AUTH_REQUIRED));
        assert!(OperationFault::connection_failed(OperationKind::Dial, "closed").another_server_may_help());
        assert!(!OperationFault::unreachable(OperationKind::Search, "tokenGroups may not be read").another_server_may_help());
        assert!(!OperationFault::refused(OperationKind::Bind, DirectoryRefusal::WrongCredentials).another_server_may_help());
    }
}
