use rocket::figment::Figment;

use crate::config::{CertificateFile, CertificatePurpose, Diagnostic, Settings};
use crate::domain::Timestamp;
use crate::tls::Validity;

/// A certificate of the settings that is not good now, or not for long.
pub(super) struct CertificateDates {
    /// What is wrong, and how to correct it.
    pub(super) diagnostic: Diagnostic,
    /// Whether it is not good now.
    pub(super) is_fault: bool,
}

/// The certificates in the files of the settings whose dates want attention: all else that these files may lack stops the start.
pub(super) fn certificate_dates(figment: &Figment, now: Timestamp) -> Vec<CertificateDates> {
    Settings::certificate_files(figment).iter().filter_map(|file| dates_of(file, now)).collect()
}

fn dates_of(CertificateFile { path, location, purpose }: &CertificateFile, now: Timestamp) -> Option<CertificateDates> {
    let (validity, whose, by_whom) = match purpose {
        CertificatePurpose::Server => (Validity::of_first(path, now), "the server's own certificate", "browsers refuse it"),
        CertificatePurpose::Client => {
            (Validity::of_first(path, now), "the certificate by which servers know this one", "they refuse it")
        }
        CertificatePurpose::Trusted => {
            (Validity::of_best(path, now), "what is trusted", "no server is trusted by a certificate from there")
        }
    };
    let path = path.display();
    let (message, help, is_fault) = match validity {
        Validity::Good => return None,
        Validity::EndsSoon { on } => (
            format!("{path}, {whose}, expires soon, on {on}"),
            "put a new one there before that day, and restart the server".to_owned(),
            false,
        ),
        Validity::Ended { on } => (
            format!("{path}, {whose}, expired on {on}: {by_whom}"),
            "put a new one there, and restart the server".to_owned(),
            true,
        ),
        Validity::NotYet { from } => (
            format!("{path}, {whose}, is not valid before {from}: {by_whom} until then"),
            "see whether this machine's clock is right, or put one there that is valid now, and restart the server".to_owned(),
            true,
        ),
    };
    Some(CertificateDates { diagnostic: Diagnostic::new(location.clone(), message, help), is_fault })
}
