use super::refusal::DirectoryRefusal;

/// The sub-code behind result 49 in Active Directory's diagnostic message: a Win32 error, in hexadecimal (MS-ADTS
/// 3.1.1.3.1.9 and MS-ERREF 2.2).
pub(in crate::directory) fn ad_sub_code(diagnostic: &str) -> Option<u32> {
    let (_, behind) = diagnostic.split_once(", data ")?;
    let digits = behind.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

/// The verdict of Active Directory on a password that it was shown, told by a Win32 error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) enum SubCodeVerdict {
    /// The password is wrong, or nobody has the name.
    Wrong,
    /// The password was right, or was not looked at, and the account is not let in.
    Refused(DirectoryRefusal),
    /// It was not judged: the controller that was to do it, or the way to it, failed.
    NoServer,
}

impl SubCodeVerdict {
    /// The verdict of a Win32 error; `None` for one that is not known to be given of a password.
    pub(in crate::directory) fn of(code: u32) -> Option<Self> {
        let refusal = match code {
            // ERROR_NO_SUCH_USER, ERROR_LOGON_FAILURE, ERROR_WRONG_PASSWORD, ERROR_INVALID_PASSWORD.
            0x525 | 0x52e | 0x52b | 0x56 => return Some(Self::Wrong),
            // ERROR_NO_LOGON_SERVERS, ERROR_CANT_ACCESS_DOMAIN_INFO up to ERROR_NO_SUCH_DOMAIN, ERROR_INTERNAL_ERROR,
            // ERROR_TIME_SKEW, ERROR_NO_SYSTEM_RESOURCES, RPC_S_SERVER_UNAVAILABLE and RPC_S_SERVER_TOO_BUSY, the faults of a
            // trust, ERROR_NETLOGON_NOT_STARTED, ERROR_DOMAIN_CONTROLLER_NOT_FOUND. 80090346 and its like are faults of the
            // security package, such as SEC_E_BAD_BINDINGS where a channel binding is wanted.
            0x51f
            | 0x547..=0x54b
            | 0x54f
            | 0x576
            | 0x5aa
            | 0x6ba
            | 0x6bb
            | 0x6fa..=0x6fe
            | 0x700
            | 0x774
            | 0x8009_0000..=0x8009_ffff => return Some(Self::NoServer),
            // ERROR_INVALID_LOGON_HOURS, ERROR_INVALID_WORKSTATION.
            0x530 => DirectoryRefusal::NotAtThisHour,
            0x531 => DirectoryRefusal::NotFromHere,
            // ERROR_ACCOUNT_RESTRICTION, ERROR_LOGON_TYPE_NOT_GRANTED.
            0x52f | 0x569 => DirectoryRefusal::Restricted,
            // ERROR_PASSWORD_EXPIRED, ERROR_ACCOUNT_DISABLED.
            0x532 => DirectoryRefusal::PasswordExpired,
            0x533 => DirectoryRefusal::Disabled,
            // ERROR_TOO_MANY_CONTEXT_IDS.
            0x568 => DirectoryRefusal::TooManyGroups,
            // ERROR_ACCOUNT_EXPIRED.
            0x701 => DirectoryRefusal::AccountExpired,
            // ERROR_PASSWORD_MUST_CHANGE, ERROR_PASSWORD_CHANGE_REQUIRED.
            0x773 | 0x792 => DirectoryRefusal::MustChangePassword,
            // ERROR_ACCOUNT_LOCKED_OUT.
            0x775 => DirectoryRefusal::Locked,
            // ERROR_NONE_MAPPED, the accounts of trusts, workstations and servers, ERROR_AUTHENTICATION_FIREWALL_FAILED,
            // ERROR_NTLM_BLOCKED: they may come before the password is looked at.
            0x534 | 0x70f..=0x711 | 0x78f | 0x791 => {
                DirectoryRefusal::NotJudged { reason: format!("the sub-code {code:x} of Active Directory") }
            }
            _ => return None,
        };
        Some(Self::Refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_code_is_read_from_the_message_of_a_controller() {
        for (text, code) in [
            ("80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data 52e, v4563\0", Some(0x52e)),
            ("80090346: LdapErr: DSID-0C090597, comment: AcceptSecurityContext error, data 80090346, v4563", Some(0x8009_0346)),
            ("error, data ffffffffff, v1", None),
            ("error, data , v1", None),
            ("no data", None),
            ("", None),
        ] {
            assert_eq!(ad_sub_code(text), code, "{text}");
        }
    }
}
